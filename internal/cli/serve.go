package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/whodid/whodid/internal/api"
	"github.com/whodid/whodid/internal/config"
	"github.com/whodid/whodid/internal/denylist"
	hookdoor "github.com/whodid/whodid/internal/door/hooks"
	"github.com/whodid/whodid/internal/door/otlp"
	"github.com/whodid/whodid/internal/door/signin"
	"github.com/whodid/whodid/internal/hook"
	"github.com/whodid/whodid/internal/mcp"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/trace"
)

func (p *Program) serveCommand() *cobra.Command {
	var file string
	var show, ask bool
	c := &cobra.Command{
		Use:     "serve",
		GroupID: "record",
		Short:   "Run the server that takes in what agents everywhere tell",
		Long: `Runs the server: one process and one port for everything that agents, exporters,
forges and laptops send, and for what people and programs ask. The trail is the
one that --store names; any number of servers may serve one PostgreSQL database.

A setting is given by a flag, else by the environment (WHODID_LISTEN for
--listen, WHODID_LIMITS_RATE for rate in the table limits), else in the file that
--config or WHODID_CONFIG names, else it has its default. docs/server.md has all
settings.

It stops on SIGTERM and SIGINT, once the requests in flight have ended, and reads
its certificate again on SIGHUP. The policy, and what the settings keep out of the
trail ([redact]), it reads again when they change.`,
		Example: `  whodid serve --listen 127.0.0.1:8484
  whodid serve --store postgres://whodid@db.example/trail --listen :8484 \
      --tls-cert server.pem --tls-key server.key
  whodid serve --config /etc/whodid/server.toml --print-config`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if file == "" {
				file = p.Env("WHODID_CONFIG")
			}
			sources := config.Sources{Flags: given(c.Flags()), Env: p.Env, File: file}
			settings, err := config.Load(sources)
			if err != nil {
				return misuse(err, "%sdocs/server.md has all settings; see also: whodid serve --print-config", settingMeant(err))
			}
			if show {
				return settings.Print(p.Stdout)
			}
			if ask {
				return probe(c.Context(), settings.Config)
			}
			q := p.withSettings(settings.Config)
			q.rereadDenied = func() (denylist.List, error) {
				again, err := config.Load(sources)
				if err != nil {
					return denylist.List{}, err
				}
				return denylist.List(again.Redact), nil
			}
			return q.serve(c.Context(), settings.Config)
		},
	}
	for _, s := range config.Settings() {
		switch {
		case s.Flag == "":
		case s.Switch:
			c.Flags().Bool(s.Flag, false, s.Usage)
		default:
			c.Flags().String(s.Flag, s.Default, s.Usage)
		}
	}
	c.Flags().StringVar(&file, "config", "", "the `FILE` of settings, in TOML")
	c.Flags().BoolVar(&show, "print-config", false, "print the settings and where each comes from, without secrets, and end")
	c.Flags().BoolVar(&ask, "probe", false, "ask the server that runs here with these settings whether it is ready, and end")
	return c
}

// given are the flags that were given, as text.
func given(flags *pflag.FlagSet) map[string]string {
	values := map[string]string{}
	flags.Visit(func(f *pflag.Flag) { values[f.Name] = f.Value.String() })
	return values
}

// withSettings is the program in a world where the settings that say where the
// trail is come from the file, too.
func (p *Program) withSettings(c *config.Config) *Program {
	q := *p
	q.denied = denylist.List(c.Redact)
	q.policies = cmp.Or(c.Policies, place.PolicyFolder())
	q.Env = func(name string) string {
		switch name {
		case "WHODID_STORE":
			return string(c.Store)
		case "WHODID_KEYS":
			return c.Keys
		case "WHODID_WITNESSES":
			if c.Witness.File != "" {
				return c.Witness.File
			}
			return p.Env(name)
		default:
			return p.Env(name)
		}
	}
	return &q
}

// doors are the ways into the server: one line each.
func (p *Program) doors(orgs *tenants) []server.Route {
	return slices.Concat(
		otlp.Routes(otlp.Options{Now: time.Now}),
		hookdoor.Routes(hookdoor.Options{
			Now: time.Now, Lease: hook.Lease, Gate: p.gateOf, Spent: (&spending{p: p}).of,
		}),
		api.New(api.Options{Now: p.Now, Signers: p.signersOfServer, Export: orgs.exporter()}).Routes(),
		mcp.Routes(mcp.Options{Now: p.Now, Version: p.Version}),
	)
}

// serve runs the server until the context ends.
func (p *Program) serve(ctx context.Context, c *config.Config) (err error) {
	p.tuneMemory()
	log := newLog(p.Stderr, &c.Log)
	certificate, err := certificateOf(c)
	if err != nil {
		return err
	}
	t, err := p.openToServe(ctx, c, log)
	if err != nil {
		return err
	}
	defer t.close()
	metrics := server.NewMetrics(p.Version)
	tracer, endTracing, err := p.tracer(ctx, c, log)
	if err != nil {
		return err
	}
	defer endTracing()
	orgs := p.newTenants(t, metrics)
	if err := orgs.own(ctx, t); err != nil {
		return err
	}
	authenticator, door := p.access(&c.OIDC, t, orgs)
	o := server.Options{
		Tenants: orgs, Authenticator: authenticator, Log: log, Now: time.Now, Ready: readiness(t.store, time.Now), Grace: c.Grace,
		Concurrent: c.Limits.Concurrent, Streams: c.Limits.Streams, Memory: int64(c.Limits.Memory), Rate: c.Limits.Rate, Burst: c.Limits.Burst,
		Metrics: metrics, MetricsToken: c.Metrics.Token.Value(), Tracer: tracer, RecordViews: true,
	}
	clones, err := p.newClones(ctx, c.Clones)
	if err != nil {
		return err
	}
	pages := p.pages(authenticator, &door, t, clones, c.OIDC.URL)
	o.Refuse = pages.Refuse
	if certificate != nil {
		o.TLS = certificate.Config()
	}
	connected, err := p.connections(c.Connections)
	if err != nil {
		return err
	}
	webhooks, err := p.webhooks(connected, orgs, log)
	if err != nil {
		return err
	}
	outward, err := p.newSinks(connected, t.store, log)
	if err != nil {
		return err
	}
	defer outward.close()
	outward.measure(metrics)
	crier, err := p.newCrier(t, orgs, metrics, log, c.Witness.Every)
	if err != nil {
		return err
	}
	l, err := listen(ctx, c)
	if err != nil {
		return err
	}
	// What the server does beside serving goes on until the last request has
	// ended, and ends with the server if that fails.
	beside, stop := context.WithCancel(context.WithoutCancel(ctx))
	work := newChores(p, t, orgs, metrics, log, certificate, &c.Notify)
	if c.Connections != "" || p.Env("WHODID_CONNECTIONS") != "" {
		work.connected = connected
	}
	defer work.start(beside)()
	defer outward.start(beside)()
	defer crier.start(beside)()
	defer stop()
	announce(p.Stdout, l, c.TLS.Cert != "")
	log.InfoContext(ctx, "serving", "address", l.Addr().String(), "tls", c.TLS.Cert != "", "engine", t.store.Engine(), "version", p.Version)
	if err := server.New(o, slices.Concat(p.doors(orgs), signin.Routes(door), pages.Routes(), webhooks)...).Serve(ctx, l); err != nil {
		return err
	}
	log.InfoContext(ctx, "stopped")
	return nil
}

func newLog(w io.Writer, c *config.Log) *slog.Logger {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	o := &slog.HandlerOptions{Level: levels[c.Level]}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

func certificateOf(c *config.Config) (*server.Certificate, error) {
	if c.TLS.Cert == "" {
		return nil, nil //nolint:nilnil // no certificate is what was asked for
	}
	return server.LoadCertificate(c.TLS.Cert, c.TLS.Key)
}

// tracer makes the tracer, if one is wanted. The function ends it, when everything
// is sent.
func (p *Program) tracer(ctx context.Context, c *config.Config, log *slog.Logger) (*trace.Tracer, func(), error) {
	if c.Traces.Endpoint == "" {
		return nil, func() {}, nil
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	t, err := trace.New(ctx, trace.Options{
		Endpoint: c.Traces.Endpoint, Token: c.Traces.Token.Value(), Ratio: c.Traces.Ratio, Version: p.Version, Now: time.Now,
		Failed: func(err error) { log.WarnContext(ctx, "spans are lost", "error", err.Error()) },
	})
	if err != nil {
		stop()
		return nil, nil, err
	}
	return t, func() { stop(); t.Wait() }, nil
}

// listen opens the server's port. Without TLS it opens none that others reach,
// for tokens would pass in clear, unless it is told to.
func listen(ctx context.Context, c *config.Config) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, withHint(fmt.Errorf("couldn't listen on %s: %w", c.Listen, err), "choose an address with --listen HOST:PORT, such as 127.0.0.1:8484")
	}
	if address, ok := l.Addr().(*net.TCPAddr); ok && !address.IP.IsLoopback() && c.TLS.Cert == "" && !c.Insecure {
		_ = l.Close()
		return nil, withHint(fmt.Errorf("couldn't listen on %s: others reach it, and without TLS they would send their tokens in clear", c.Listen),
			"give a certificate with --tls-cert and --tls-key; listen on 127.0.0.1; or, behind a proxy that ends TLS, say --insecure")
	}
	return l, nil
}

// announce says where the server listens, for people, and for programs that
// had it choose a port.
func announce(w io.Writer, l net.Listener, secure bool) {
	scheme := "http"
	if secure {
		scheme = "https"
	}
	fmt.Fprintf(w, "listening on %s://%s\n", scheme, l.Addr())
}

// patience is how long the server waits for a database that is on its way up, as
// when both are started together.
const patience = time.Minute

// openToServe opens the trail.
func (p *Program) openToServe(ctx context.Context, c *config.Config, log *slog.Logger) (*trail, error) {
	open := openTold(func(doing string) { log.InfoContext(ctx, doing) })
	if c.NoMigrate {
		open = store.OpenAsIs
	}
	until := time.Now().Add(patience)
	for wait := 200 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		t, err := p.openStoreWith(ctx, open)
		if err == nil {
			return t, nil
		}
		if errors.Is(err, store.ErrOld) {
			return nil, withHint(err, "run: whodid migrate")
		}
		if !store.IsUnreachable(err) || time.Now().After(until) {
			return nil, err
		}
		log.WarnContext(ctx, "the database can't be reached; trying again", "error", err.Error())
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, err
		}
	}
}
