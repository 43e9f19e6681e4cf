package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/api"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/githook"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/page"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/term"
)

func (p *Program) uiCommand() *cobra.Command {
	var quiet bool
	var port int
	idle := durationFlag(time.Hour)
	c := &cobra.Command{
		Use:     "ui",
		GroupID: "ask",
		Short:   "Show the trail in your browser",
		Long: `Shows the trail as pages in your browser: executions, why a line is what it is,
approvals to decide on, memory, and the proof of it all, which the browser
checks itself.

The pages are for this machine alone: they are served on its loopback address,
and the address that is printed lets one browser in, once. It ends with Ctrl-C,
or when no browser has shown a page for an hour.`,
		Example: `  whodid ui
  whodid ui --no-open            # only print the address
  whodid ui --port 8485 --idle 8h`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if port < 0 || port > 65535 {
				return usageError("--port: %d is no port", port)
			}
			return p.ui(c.Context(), port, time.Duration(idle), !quiet)
		},
	}
	c.Flags().BoolVar(&quiet, "no-open", false, "print the address and open no browser")
	c.Flags().IntVar(&port, "port", 0, "the `PORT` to listen on; any that is free unless you say")
	c.Flags().Var(&idle, "idle", "end when no browser was connected for this `TIME`")
	return c
}

// uiPoll is how often what waits in the spool is taken in while pages are shown.
const uiPoll = time.Second

func (p *Program) ui(ctx context.Context, port int, idle time.Duration, open bool) error {
	t, err := p.openToAsk(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	id, err := p.uiIdentity(ctx, t)
	if err != nil {
		return err
	}
	inner, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("couldn't listen: %w", err)
	}
	address, ok := inner.Addr().(*net.TCPAddr)
	if !ok {
		return errors.New("couldn't find out the port")
	}
	port = address.Port
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	l := &idleListener{Listener: inner, idle: idle, stop: stop}
	l.rest()
	door := page.NewLocal(id, port)
	pages := page.New(p.uiOptions(t))
	routes := append(pages.Routes(), door.Routes(pages)...)
	for _, r := range api.New(api.Options{Now: p.Now, Signers: p.signersOfServer}).Routes() {
		if strings.HasPrefix(r.Pattern, "GET ") { // what the pages' scripts ask
			routes = append(routes, r)
		}
	}
	s := server.New(server.Options{
		Tenants: oneTenant{p.uiTenant(t)}, Authenticator: door, Now: time.Now, Refuse: pages.Refuse, Grace: time.Second,
		Hosts: []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), net.JoinHostPort("localhost", strconv.Itoa(port))},
	}, routes...)
	beside := p.keepTakingIn(ctx, t)
	defer beside()
	defer stop()
	link := "http://" + l.Addr().String() + door.Path()
	if p.out().Terminal() {
		fmt.Fprintf(p.Stdout, "The trail is at\n\n  %s\n\nfor one browser. Ctrl-C ends it.\n", link)
	} else {
		fmt.Fprintln(p.Stdout, link)
	}
	if open {
		p.openBrowser(ctx, link)
	}
	return s.Serve(ctx, l)
}

// uiIdentity is who looks at the pages: the person at this machine, as the other
// commands know them. Below an agent nobody decides, here neither.
func (p *Program) uiIdentity(ctx context.Context, t *trail) (auth.Identity, error) {
	id := auth.Identity{Org: p.org, Actor: whodid.System, Role: auth.RoleAuditor, Credential: "ui"}
	if t.recorder == nil {
		return id, nil // without the key there is nothing to decide with
	}
	w := &pen{p: p, place: t.place, redactor: t.redactor, trail: t}
	var e whodid.Event
	if err := w.sign(ctx, &e); err != nil {
		return id, err
	}
	id.Actor, id.ActorAuth = e.Actor, e.ActorAuth
	if _, inside := agentAbove(githook.Self()); !inside && whodid.IsHuman(e.Actor) {
		id.Role = auth.RoleAdmin
	}
	return id, nil
}

type oneTenant struct{ t *server.Tenant }

func (o oneTenant) Tenant(context.Context, string) (*server.Tenant, error) { return o.t, nil }

func (p *Program) uiTenant(t *trail) *server.Tenant {
	out := &server.Tenant{Org: p.org, Recorder: t.recorder, Asker: t.asker, Pseudonym: func(string) string { return "" }, Policies: func() policy.Rules { return p.rules(p.org) }}
	if t.ring != nil {
		out.Pseudonym = t.ring.Pseudonym
	}
	return out
}

func (p *Program) uiOptions(t *trail) page.Options {
	return page.Options{
		Now: p.Now, Version: p.Version, Local: true, Signers: p.signersOfServer,
		Why: func(ctx context.Context, tenant *server.Tenant, question string) (*ask.Why, error) {
			g, o, err := p.gitOf(ctx, tenant)
			if err != nil {
				return nil, err
			}
			return g.Why(ctx, question, o)
		},
		Blame: func(ctx context.Context, tenant *server.Tenant, path string, first, last int) (*ask.Blame, error) {
			g, o, err := p.gitOf(ctx, tenant)
			if err != nil {
				return nil, err
			}
			if g.Repo == nil {
				return nil, gitlog.ErrNoRepository
			}
			o.First, o.Last, o.Plain = first, last, true
			return g.Blame(ctx, path, o)
		},
		Git: func(ctx context.Context, tenant *server.Tenant) (*ask.Git, error) {
			g, _, err := p.gitOf(ctx, tenant)
			return g, err
		},
		Views: t.store, Bundle: p.bundler(t.store),
		Trust: func(ctx context.Context, _ *server.Tenant) (o ask.VerifyOptions, err error) {
			if t.ring != nil {
				o.TrustedKey = t.ring.Public
				o.KeyFrom, _ = t.place.Keys(p.org)
			}
			file, err := p.witnessFile()
			if err != nil {
				return o, err
			}
			o.Quorum = file.Quorum
			if o.Sightings, err = p.sightings(ctx, t, file); err != nil {
				return o, err
			}
			if o.Signature, err = p.signatures(); err != nil {
				return o, err
			}
			waiting, err := t.spool.Waiting()
			o.Waiting = waiting.Records
			return o, err
		},
		Log: func(ctx context.Context, _ *server.Tenant, execution string) ([]string, error) {
			return p.endOfLog(ctx, t, execution)
		},
		Tokens: func(ctx context.Context, _ *server.Tenant) ([]auth.Token, error) {
			return auth.NewTokens(p.org, t.store, t.recorder, p.Now).List(ctx, false)
		},
	}
}

// gitOf is the repository at hand together with the trail.
func (p *Program) gitOf(ctx context.Context, t *server.Tenant) (*ask.Git, gitlog.BlameOptions, error) {
	g := &ask.Git{Trail: t.Asker, Pseudonym: t.Pseudonym}
	repo, err := gitlog.Open(ctx, p.Dir)
	switch {
	case err == nil:
		g.Repo = repo
	case !errors.Is(err, gitlog.ErrNoRepository):
		return nil, gitlog.BlameOptions{}, err
	}
	o, err := new(lineFlags).options(ctx, g)
	return g, o, err
}

// endOfLog is the end of a run's output; none where none was kept on this machine.
func (p *Program) endOfLog(ctx context.Context, t *trail, execution string) ([]string, error) {
	const lines = 200
	name, err := t.asker.LogName(ctx, execution)
	if err != nil || name == "" || !filepath.IsLocal(name) || name != filepath.Base(name) {
		return nil, err
	}
	f, err := os.Open(filepath.Join(t.place.Logs, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't open the log: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	if err := seekToLast(f, lines); err != nil {
		return nil, err
	}
	var out []string
	in := bufio.NewScanner(f)
	in.Buffer(nil, maxLine)
	for in.Scan() && len(out) < lines {
		out = append(out, term.CleanLine(in.Bytes()))
	}
	return out, nil // a line too long ends what is shown
}

// keepTakingIn takes in what waits in the spool, so that no page lacks it, until the
// context ends. The function that it returns waits for the end.
func (p *Program) keepTakingIn(ctx context.Context, t *trail) (wait func()) {
	done := make(chan struct{})
	if t.recorder == nil {
		close(done)
		return func() {}
	}
	go func() {
		defer close(done)
		tick := time.NewTicker(uiPoll)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if _, err := p.drain(ctx, t); err != nil && ctx.Err() == nil {
				p.complain(err)
			}
		}
	}()
	return func() { <-done }
}

// openBrowser opens an address as the system does. That it can't is no failure: the
// address is printed.
func (p *Program) openBrowser(ctx context.Context, link string) {
	name, args := "xdg-open", []string{link}
	switch {
	case p.Env("BROWSER") != "":
		name = p.Env("BROWSER")
	case runtime.GOOS == "darwin":
		name = "open"
	case runtime.GOOS == "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", link}
	}
	c := exec.CommandContext(context.WithoutCancel(ctx), name, args...)
	if err := c.Start(); err == nil {
		go func() { _ = c.Wait() }() // how it ends is its own matter
	}
}

// idleListener stops the server when no browser has been connected for a while.
type idleListener struct {
	net.Listener
	idle time.Duration
	stop func()

	mu    sync.Mutex
	open  int
	timer *time.Timer
}

// rest begins to count the time without a connection.
func (l *idleListener) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
	}
	if l.open == 0 && l.idle > 0 {
		l.timer = time.AfterFunc(l.idle, l.stop)
	}
}

func (l *idleListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open++
	if l.timer != nil {
		l.timer.Stop()
	}
	return &countedConn{Conn: c, closed: sync.OnceFunc(func() {
		l.mu.Lock()
		l.open--
		l.mu.Unlock()
		l.rest()
	})}, nil
}

// countedConn tells when it is closed.
type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error {
	defer c.closed()
	return c.Conn.Close()
}
