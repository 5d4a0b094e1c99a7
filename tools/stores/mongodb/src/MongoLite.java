import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import java.util.List;

/**
 * Stands in for a mongod where none can be had. It keeps its data in one file, has no sessions, transactions or
 * accounts, and reports MongoDB 6.0 (wire version 17) so that current drivers connect.
 *
 * <p>Arguments: PORT FILE
 */
public class MongoLite {
    public static void main(String[] arguments) throws Exception {
        H2Backend backend = new H2Backend(arguments[1]);
        backend.version(new MongoVersion() {
            @Override public List<Integer> getVersionArray() { return List.of(6, 0, 0); }
            @Override public int getWireVersion() { return 17; }
        });
        MongoServer server = new MongoServer(backend);
        server.bind("0.0.0.0", Integer.parseInt(arguments[0]));
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
        System.out.println("READY " + server.getConnectionString());
        Thread.currentThread().join();
    }
}
