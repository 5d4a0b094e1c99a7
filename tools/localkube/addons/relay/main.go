// relay publishes a Service inside the cluster's network namespace on the host's loopback:
//
//	relay NETNS DNS_SERVER HOST_PORT TARGET_HOST TARGET_PORT
//
// Every connection looks the target up again and is opened from inside NETNS, so a Service or a namespace that was
// deleted and made anew is reached without restarting the relay.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

const dialTimeout = 5 * time.Second

type dialed struct {
	conn net.Conn
	err  error
}

// dialInside opens a socket in netns: a socket belongs to the namespace its thread is in when the socket is made.
// The thread is left locked, so that the runtime ends it with the goroutine and no other goroutine runs in the namespace.
func dialInside(ctx context.Context, netns, network, address string) (net.Conn, error) {
	result := make(chan dialed, 1)
	go func() {
		runtime.LockOSThread()
		file, err := os.Open(netns)
		if err != nil {
			result <- dialed{err: err}
			return
		}
		defer file.Close()
		if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- dialed{err: fmt.Errorf("enter %s: %w", netns, err)}
			return
		}
		conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, address)
		result <- dialed{conn, err}
	}()
	answer := <-result
	return answer.conn, answer.err
}

func pump(to, from *net.TCPConn) {
	io.Copy(to, from) // splice(2): the bytes stay in the kernel
	to.CloseWrite()
}

type relay struct {
	netns, host, port string
	resolver          *net.Resolver
}

func (r *relay) open() (*net.TCPConn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	addresses, err := r.resolver.LookupHost(ctx, r.host)
	if err != nil {
		return nil, err
	}
	conn, err := dialInside(ctx, r.netns, "tcp4", net.JoinHostPort(addresses[0], r.port))
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

func (r *relay) serve(client *net.TCPConn) {
	defer client.Close()
	target, err := r.open()
	if err != nil {
		log.Printf("%s:%s: %v", r.host, r.port, err)
		return
	}
	defer target.Close()
	answered := make(chan struct{})
	go func() { pump(client, target); close(answered) }()
	pump(target, client)
	<-answered
}

func main() {
	if len(os.Args) != 6 {
		log.Fatal("usage: relay NETNS DNS_SERVER HOST_PORT TARGET_HOST TARGET_PORT")
	}
	netns, dns, listen := os.Args[1], os.Args[2], "127.0.0.1:"+os.Args[3]
	r := &relay{netns: netns, host: os.Args[4], port: os.Args[5], resolver: &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialInside(ctx, netns, network, net.JoinHostPort(dns, "53"))
		},
	}}
	listener, err := net.Listen("tcp4", listen)
	if err != nil {
		log.Fatal(err)
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go r.serve(client.(*net.TCPConn))
	}
}
