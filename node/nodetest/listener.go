package nodetest

import (
	"context"
	"net"
	"sync"

	"herd/gossip/simnet"
)

// listener fails only when it is closed. A killed host closes its listeners, and a
// dead process does nothing about that; a node would see a part of it fail and
// begin to leave.
type listener struct {
	net.Listener
	closed chan struct{}
	once   sync.Once
}

func listen(host *simnet.Host) func(context.Context, string) (net.Listener, error) {
	return func(ctx context.Context, addr string) (net.Listener, error) {
		l, err := host.Listen(ctx, addr)
		if err != nil {
			return nil, err
		}
		return &listener{Listener: l, closed: make(chan struct{})}, nil
	}
}

func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.closed
	}
	return conn, err
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
