package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/api"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/door/otlp"
	"github.com/whodid/whodid/internal/server"
)

func (p *Program) serveCommand() *cobra.Command {
	var listen string
	c := &cobra.Command{
		Use:     "serve",
		GroupID: "record",
		Short:   "Run the server that takes in what agents everywhere tell",
		Long: `Runs the server: one process and one port for everything that agents, exporters,
forges and laptops send, and for what people and programs ask. The trail is the
one that --store names; any number of servers may serve one PostgreSQL database.

It stops on SIGTERM and SIGINT, once the requests in flight have ended.`,
		Example: `  whodid serve --listen 127.0.0.1:8484
  whodid serve --store postgres://whodid@db.example/trail --listen 127.0.0.1:8484`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.serve(c.Context(), listen) },
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8484", "the `ADDRESS` to listen on")
	return c
}

// doors are the ways into the server: one line each.
func (p *Program) doors() []server.Route {
	return slices.Concat(
		otlp.Routes(otlp.Options{Now: time.Now}),
		api.New(api.Options{Now: p.Now}).Routes(),
	)
}

// nobody is an authenticator that lets nobody in.
type nobody struct{}

func (nobody) Authenticate(*http.Request) (auth.Identity, error) {
	return auth.Identity{}, auth.ErrUnauthenticated
}

func (p *Program) serve(ctx context.Context, listen string) error {
	t, err := p.openOnly(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	log := slog.New(slog.NewTextHandler(p.Stderr, nil))
	orgs := p.newTenants(t, t.redactor)
	s := server.New(server.Options{
		Tenants: orgs, Authenticator: nobody{}, Log: log, Now: time.Now, Ready: t.store.Ready,
	}, p.doors()...)
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("couldn't listen: %w", err)
	}
	announce(p.Stdout, l)
	chores := &chores{p: p, trail: t, orgs: orgs, log: log}
	done := make(chan struct{})
	go func() {
		defer close(done)
		chores.run(ctx)
	}()
	err = s.Serve(ctx, l)
	<-done
	return err
}

// announce says where the server listens, for people, and for programs that
// had it choose a port.
func announce(w io.Writer, l net.Listener) { fmt.Fprintf(w, "listening on http://%s\n", l.Addr()) }
