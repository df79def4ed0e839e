package devserver

import (
	"context"
	"fmt"
	"net"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
)

// ui is Temporal's web UI. Its pages are embedded in the binary; its own server answers them and passes API calls on to
// the frontend.
type ui struct {
	server *uiserver.Server
	addr   string
	done   chan struct{}
}

// newUI makes a UI on a port, for the frontend at an address. It fetches nothing from outside.
func newUI(port int, frontend, namespace string) *ui {
	return &ui{
		addr: hostPort(port),
		done: make(chan struct{}),
		server: uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
			Host:                loopback,
			Port:                port,
			TemporalGRPCAddress: frontend,
			EnableUI:            true,
			DefaultNamespace:    namespace,
			CORS:                uiconfig.CORS{CookieInsecure: true},
			DisableNewsFetch:    true,
			HideLogs:            true,
		})),
	}
}

// start returns once the UI accepts connections. The port must be free: the UI's server ends the process when it
// cannot listen, which is why choosePorts has tried before.
func (u *ui) start(ctx context.Context) error {
	go func() {
		defer close(u.done)
		_ = u.server.Start()
	}()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("devserver: the UI at %s did not become ready: %w", u.addr, ctx.Err())
		case <-time.After(readyPoll):
		}
	}
}

// stop closes the listener and every connection.
func (u *ui) stop() {
	u.server.Stop()
	<-u.done
}
