package amazonlite.bench;

import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.json.JsonParserFactory;
import org.springframework.cloud.gateway.filter.GatewayFilter;
import org.springframework.cloud.gateway.filter.GatewayFilterChain;
import org.springframework.cloud.gateway.filter.ratelimit.KeyResolver;
import org.springframework.cloud.gateway.filter.ratelimit.RedisRateLimiter;
import org.springframework.cloud.gateway.route.RouteLocator;
import org.springframework.cloud.gateway.route.builder.RouteLocatorBuilder;
import org.springframework.context.annotation.Bean;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.web.server.ServerWebExchange;
import reactor.core.publisher.Mono;

/** Spring Cloud Gateway with what our gateway does: a route; and a route with a token check and a limit in Redis. */
@SpringBootApplication(proxyBeanMethods = false)
public class SpringGateway {
  static final String SUBJECT = "subject";

  public static void main(String[] arguments) {
    SpringApplication.run(SpringGateway.class, arguments);
  }

  @Bean
  RedisRateLimiter limiter() {
    return new RedisRateLimiter(1_000_000, 1_000_000, 1);
  }

  @Bean
  KeyResolver bySubject() {
    return exchange -> Mono.just(exchange.getRequiredAttribute(SUBJECT));
  }

  @Bean
  RouteLocator routes(
      RouteLocatorBuilder builder, RedisRateLimiter limiter, KeyResolver bySubject,
      @Value("${BACKEND}") String backend, @Value("${TOKEN_KEY}") String key) throws Exception {
    Tokens tokens = new Tokens(key);
    return builder.routes()
        .route("products", route -> route.path("/api/products/**").uri(backend))
        .route("guarded", route -> route.path("/api/guarded/**")
            .filters(filters -> filters
                .filter(tokens, 0)
                .requestRateLimiter(limit -> limit.setRateLimiter(limiter).setKeyResolver(bySubject)))
            .uri(backend))
        .build();
  }

  /** Verifies a token once by the JDK's Ed25519 and remembers it, as our gateway does; no security chain runs. */
  static final class Tokens implements GatewayFilter {
    private static final String BEARER = "Bearer ";
    private static final byte[] ED25519_HEAD = HexFormat.of().parseHex("302a300506032b6570032100");
    private final PublicKey key;
    private final Map<String, Proved> known = new ConcurrentHashMap<>();

    record Proved(String subject, long expires) {}

    Tokens(String x) throws Exception {
      byte[] encoded = new byte[ED25519_HEAD.length + 32];
      System.arraycopy(ED25519_HEAD, 0, encoded, 0, ED25519_HEAD.length);
      System.arraycopy(Base64.getUrlDecoder().decode(x), 0, encoded, ED25519_HEAD.length, 32);
      key = KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(encoded));
    }

    @Override
    public Mono<Void> filter(ServerWebExchange exchange, GatewayFilterChain chain) {
      String sent = exchange.getRequest().getHeaders().getFirst(HttpHeaders.AUTHORIZATION);
      Proved proved = sent == null || !sent.startsWith(BEARER) ? null : known.computeIfAbsent(sent, this::prove);
      if (proved == null || proved.expires() < Instant.now().getEpochSecond()) {
        exchange.getResponse().setStatusCode(HttpStatus.UNAUTHORIZED);
        return exchange.getResponse().setComplete();
      }
      exchange.getAttributes().put(SUBJECT, proved.subject());
      return chain.filter(exchange);
    }

    /** Null for what is no token of ours. */
    private Proved prove(String sent) {
      try {
        String[] parts = sent.substring(BEARER.length()).split("\\.");
        Signature signature = Signature.getInstance("Ed25519");
        signature.initVerify(key);
        signature.update((parts[0] + "." + parts[1]).getBytes());
        Map<String, Object> head = json(parts[0]);
        Map<String, Object> claims = json(parts[1]);
        boolean ours = signature.verify(Base64.getUrlDecoder().decode(parts[2]))
            && "EdDSA".equals(head.get("alg")) && "at+jwt".equals(head.get("typ"))
            && "amazonlite".equals(claims.get("iss")) && "amazonlite".equals(claims.get("aud"));
        return ours ? new Proved((String) claims.get("sub"), ((Number) claims.get("exp")).longValue()) : null;
      } catch (Exception error) {
        return null;
      }
    }

    private static Map<String, Object> json(String part) {
      return JsonParserFactory.getJsonParser().parseMap(new String(Base64.getUrlDecoder().decode(part)));
    }
  }
}
