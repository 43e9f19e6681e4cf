package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	apiclient "github.com/whodid/whodid/client"
	"github.com/whodid/whodid/internal/config"
	"github.com/whodid/whodid/internal/hook"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/term"
	"github.com/whodid/whodid/internal/uplink"
)

// syncFlags are the flags of "whodid sync".
type syncFlags struct {
	quiet, watch, status, verify, insecure, forget bool
	server, tokenFile, key                         string
	every                                          durationFlag
}

// syncEvery is how often --watch looks for something to send.
const syncEvery = 30 * time.Second

func (p *Program) syncCommand() *cobra.Command {
	f := syncFlags{every: durationFlag(syncEvery)}
	c := &cobra.Command{
		Use:     "sync",
		GroupID: "record",
		Short:   "Take what waits in the spool into the trail, and send the trail to a server",
		Long: `Takes what hooks have left in the spool into the trail, reads the transcripts of
sessions that ended for tokens and cost, and ends runs that stopped reporting.
Every command that asks does this first.

With a server the trail is then sent there: from where it stood the last time,
in order, compressed. What is sent twice, or what the server was told by somebody
else, is recorded once. The server answers with a proof, under its signature,
that its log holds what was sent; these receipts are kept, and --verify checks
them without asking anybody. --server and --token-file are remembered, so that
they are needed once; WHODID_SERVER, WHODID_TOKEN_FILE and WHODID_TOKEN take
their place where they are set. docs/sync.md has the whole of it.`,
		Example: `  whodid sync
  whodid sync --server https://whodid.example --token-file ~/.config/whodid/token
  whodid sync --watch              # goes on until ^C
  whodid sync --status
  whodid sync --verify             # exit status 3 if a receipt does not hold
  whodid sync --quiet              # as a timer or a hook would`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.sync(c.Context(), &f) },
	}
	flags := c.Flags()
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print nothing, and do not wait for a server that can't be reached")
	flags.StringVar(&f.server, "server", "", "the server's `URL`; it is remembered")
	flags.StringVar(&f.tokenFile, "token-file", "", "the `FILE` that holds the API token; its path is remembered")
	flags.StringVar(&f.key, "server-key", "", "the server's public `KEY` (whodid log key); without it the one of the first contact is trusted from then on")
	flags.BoolVar(&f.watch, "watch", false, "go on as events come in, until ^C")
	flags.Var(&f.every, "every", "how often --watch looks")
	flags.BoolVar(&f.status, "status", false, "say how far the trail is sent, and send nothing")
	flags.BoolVar(&f.verify, "verify", false, "check the receipts, and send nothing")
	flags.BoolVar(&f.insecure, "insecure", false, "let the token go over plain HTTP to another machine")
	flags.BoolVar(&f.forget, "forget", false, "forget the server, and send nothing from now on")
	return c
}

// synced is the answer of "sync".
type synced struct {
	// Records is how many came from the spool.
	Records int `json:"records"`
	// Events is how many were new to the trail.
	Events int `json:"events"`
	// Transcripts is how many were read.
	Transcripts int `json:"transcripts"`
	// Gaps is how many things are known to be missing.
	Gaps int `json:"gaps"`
	// Sent is what was sent to the server, Receipts what --status and --verify
	// say of it; null without a server, or where it was not asked for.
	Sent     *uplink.Sent     `json:"sent"`
	Receipts *uplink.Verified `json:"receipts"`
}

func (p *Program) sync(ctx context.Context, f *syncFlags) error {
	s, err := p.syncServer(f)
	if err != nil {
		return err
	}
	if f.forget {
		if err := config.SetServer(place.ConfigFile(p.Env), config.UserServer{}); err != nil {
			return err
		}
		return p.tellSync(f, &synced{})
	}
	if s == nil && (f.status || f.verify || f.watch) {
		return misuse(errors.New("no server is known"), "name one: whodid sync --server https://whodid.example --token-file FILE")
	}
	t, err := p.openOnly(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	taken, err := p.drain(ctx, t)
	if err != nil {
		return err
	}
	p.notifyPeople(ctx, t, f.quiet)
	done := &synced{Records: taken.Records, Events: taken.Events, Transcripts: taken.Transcripts, Gaps: taken.Gaps}
	if s == nil {
		return p.tellSync(f, done)
	}
	u, err := p.openUplink(ctx, t, s, f)
	if errors.Is(err, store.ErrNoLog) {
		return p.tellSync(f, done) // nothing was ever recorded
	}
	if err != nil {
		return err
	}
	switch {
	case f.status:
		done.Receipts, err = u.Status(ctx)
	case f.verify:
		done.Receipts, err = u.Verify(ctx)
	case f.watch:
		return p.watchSync(ctx, t, u, f)
	default:
		var sent uplink.Sent
		sent, err = u.Send(ctx)
		done.Sent = &sent
		err = p.unsent(err)
	}
	if err != nil {
		return err
	}
	if err := p.tellSync(f, done); err != nil {
		return err
	}
	if f.verify && len(done.Receipts.Problems) > 0 {
		return &exitError{code: ExitVerification}
	}
	return nil
}

// watchSync sends what comes in until the context ends. A server that can't be
// reached is no reason to end.
func (p *Program) watchSync(ctx context.Context, t *trail, u *uplink.Uplink, f *syncFlags) error {
	tick := time.NewTicker(time.Duration(f.every))
	defer tick.Stop()
	waits := 0 // ticks to let pass, after failures
	for failures := 0; ; {
		if waits--; waits < 0 {
			sent, err := u.Send(ctx)
			switch {
			case ctx.Err() != nil:
				return nil // ^C is how watching ends
			case errors.Is(err, uplink.ErrReceipt), errors.Is(err, uplink.ErrCutShort):
				return p.unsent(err)
			case err != nil:
				failures = min(failures+1, 5)
				waits = 1<<failures - 1
				if !f.quiet {
					p.complain(err)
				}
			default:
				failures, waits = 0, 0
			}
			if sent.Events > 0 && !f.quiet {
				if err := p.tellSync(f, &synced{Sent: &sent}); err != nil {
					return err
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if _, err := p.drain(ctx, t); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// remote is a server and how it is asked.
type remote struct {
	url   string
	token func() (string, error)
}

// syncServer finds the server: flags before the environment, and that before
// what is remembered. nil is none.
func (p *Program) syncServer(f *syncFlags) (*remote, error) {
	settings := place.ConfigFile(p.Env)
	known, err := config.LoadUser(settings)
	if err != nil {
		return nil, err
	}
	url, file := known.Server.URL, known.Server.TokenFile
	if v := p.Env("WHODID_SERVER"); v != "" {
		url = v
	}
	if v := p.Env("WHODID_TOKEN_FILE"); v != "" {
		file = v
	}
	if f.tokenFile != "" {
		if file = f.tokenFile; !filepath.IsAbs(file) {
			file = filepath.Join(p.Dir, file)
		}
	}
	if f.server != "" {
		url = strings.TrimRight(f.server, "/")
	}
	if f.server != "" || f.tokenFile != "" {
		if url != "" { // one that can't be used is not remembered: it would be in the way from then on
			if _, err := p.serverClient(&remote{url: url, token: func() (string, error) { return "", nil }}, f); err != nil {
				return nil, err
			}
		}
		if err := config.SetServer(settings, config.UserServer{URL: url, TokenFile: file}); err != nil {
			return nil, err
		}
	}
	if url == "" {
		return nil, nil
	}
	inline := p.Env("WHODID_TOKEN")
	return &remote{url: url, token: func() (string, error) {
		if inline != "" && f.tokenFile == "" {
			return inline, nil
		}
		if file == "" {
			return "", withHint(errors.New("there is no token for the server"), "make one on the server: whodid token create --name laptop --role recorder; then --token-file FILE")
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("couldn't read the token: %w", err)
		}
		return strings.TrimSpace(string(b)), nil
	}}, nil
}

func (p *Program) serverClient(s *remote, f *syncFlags) (*apiclient.Client, error) {
	attempts := 5
	if f.quiet && !f.watch {
		attempts = 1 // an agent may be waiting
	}
	c, err := apiclient.New(s.url, apiclient.Options{
		TokenFunc: s.token, Attempts: attempts, UserAgent: "whodid/" + p.Version,
		Insecure: f.insecure || f.status || f.verify, // these send nothing
	})
	if err != nil {
		return nil, misuse(err, "write, for example, --server https://whodid.example; --insecure lets the token go over plain HTTP")
	}
	return c, nil
}

func (p *Program) openUplink(ctx context.Context, t *trail, s *remote, f *syncFlags) (*uplink.Uplink, error) {
	c, err := p.serverClient(s, f)
	if err != nil {
		return nil, err
	}
	person, _ := hook.Person(t.ring, p.Env)
	o := uplink.Options{
		Trail: t.store, Org: p.org, Server: c, Dir: syncDir(t), Key: f.key, Person: person, Now: p.Now,
	}
	if !f.quiet && term.New(p.Stderr, p.Env, p.Now()).Terminal() {
		o.Progress = func(sent, total uint64) {
			fmt.Fprintf(p.Stderr, "\r%d of %d events", sent, total)
			if sent == total {
				fmt.Fprintln(p.Stderr)
			}
		}
	}
	return uplink.Open(ctx, o)
}

// unsent adds to the error of sending what to do next.
func (p *Program) unsent(err error) error {
	var said *apiclient.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, uplink.ErrReceipt):
		return &exitError{code: ExitVerification, err: withHint(err, "nothing counts as sent; ask who runs the server whether it was put back to an older copy, or has another key now")}
	case errors.Is(err, uplink.ErrCutShort):
		return &exitError{code: ExitVerification, err: withHint(err, "see: whodid verify")}
	case errors.As(err, &said) && (said.Status == http.StatusUnauthorized || said.Status == http.StatusForbidden):
		return &exitError{code: ExitNotAllowed, err: withHint(err, "the token must be valid there, and of the role recorder or admin")}
	case errors.As(err, &said) && said.Status == http.StatusNotFound:
		return withHint(err, "give the address of a whodid server without a path: --server https://whodid.example")
	case errors.As(err, &said):
		return err
	default:
		return withHint(err, "nothing is lost: it is sent the next time; whodid sync --status says how much waits")
	}
}

// tellSync prints what was done.
func (p *Program) tellSync(f *syncFlags, done *synced) error {
	switch {
	case f.quiet:
		return nil
	case p.json:
		return p.printJSON(done)
	}
	if !f.watch && !f.status && !f.verify && !f.forget {
		fmt.Fprintf(p.Stdout, "%d records from the spool, %d transcripts, %d new events, %d gaps\n", done.Records, done.Transcripts, done.Events, done.Gaps)
	}
	if s := done.Sent; s != nil {
		fmt.Fprintf(p.Stdout, "Sent %d events to %s, %d of them new there; its log of %d events is proved to hold them\n", s.Events, s.Server, s.New, s.ServerSize)
		if s.Refused > 0 {
			fmt.Fprintf(p.Stdout, "  %d were refused, and are gaps there: whodid sync --verify --json tells which\n", s.Refused)
		}
		if s.Differing > 0 {
			fmt.Fprintf(p.Stdout, "  %d were recorded there in other words, as that server's rules want\n", s.Differing)
		}
	}
	if v := done.Receipts; v != nil {
		fmt.Fprintf(p.Stdout, "Server   %s (%s)\nSent     %d events of %s, %d wait\nReceipts %d", v.Server, orUnknown(v.ServerOrigin), v.Sent, v.Origin, v.Waiting, v.Receipts)
		if f.verify {
			fmt.Fprintf(p.Stdout, ", which prove %d events; %d were refused, %d are only of this trail", v.Proved, v.Refused, v.Skipped)
		}
		fmt.Fprintln(p.Stdout)
		for _, problem := range v.Problems {
			fmt.Fprintf(p.Stdout, "  PROBLEM %s\n", problem)
		}
	}
	return nil
}
