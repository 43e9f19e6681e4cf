package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/hook"
	"github.com/whodid/whodid/internal/importer"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/term"
)

// importFlags are those of "import".
type importFlags struct {
	client, agent, since string
	watch, dry, all      bool
	timer, noTimer       bool
	every                time.Duration
}

func (p *Program) importCommand() *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use:     "import [PATH…]",
		GroupID: "record",
		Short:   "Take in what agents' clients keep of their sessions",
		Long: `Reads what agents' clients keep of their sessions on this machine: Claude Code's
transcripts, Codex's rollouts, the chats of Gemini CLI and the events of Copilot
CLI. Sessions that no hook ever saw enter the trail with their tokens, cost, tool
calls and files; of those that hooks saw only what they did not tell is new.

Prompts, answers, file bodies and outputs are never kept. What was read before is
not read again, and whatever is read twice is recorded once. Claude Code removes
its transcripts after 30 days: --install-timer imports every day before it does.

Without PATH the folders are found by themselves, CLAUDE_CONFIG_DIR and CODEX_HOME
included.`,
		Example: `  whodid import
  whodid import --dry-run
  whodid import --client codex --since 30d
  whodid import --watch
  whodid import --install-timer
  whodid import ~/backup/.claude/projects --json`,
		Args: arguments(cobra.ArbitraryArgs),
		RunE: func(c *cobra.Command, args []string) error { return p.importSessions(c.Context(), args, &f) },
	}
	c.Flags().StringVar(&f.client, "client", "", "only of this `CLIENT`: claude-code, codex, gemini, copilot")
	c.Flags().StringVar(&f.agent, "agent", "", "record the sessions as those of this agent, `SQUAD/NAME`")
	c.Flags().StringVar(&f.since, "since", "", "only what happened from this `TIME` on: 7d, yesterday, 2026-11-01")
	c.Flags().BoolVar(&f.watch, "watch", false, "go on importing what is new until stopped")
	c.Flags().DurationVar(&f.every, "every", time.Minute, "with --watch, look again after at most this `TIME`")
	c.Flags().BoolVar(&f.dry, "dry-run", false, "tell what would be read, and record nothing")
	c.Flags().BoolVar(&f.timer, "install-timer", false, "let the system import every day (systemd, launchd or cron)")
	c.Flags().BoolVar(&f.noTimer, "remove-timer", false, "take that away again")
	c.Flags().BoolVar(&f.all, "all", false, "read files again that were read before")
	return c
}

func (p *Program) importSessions(ctx context.Context, paths []string, f *importFlags) error {
	switch {
	case f.timer:
		return p.installTimer(ctx)
	case f.noTimer:
		return p.removeTimer(ctx)
	}
	if f.client != "" && !slices.Contains(importable(), f.client) {
		return usageError("--client: %q is none of %s", f.client, strings.Join(importable(), ", "))
	}
	if _, _, err := whodid.ParseAgent(f.agent); f.agent != "" && err != nil {
		return usageError("--agent: %w", err)
	}
	since, err := p.since("since", f.since)
	if err != nil {
		return err
	}
	if f.watch && p.json {
		return usageError("--watch goes on for ever and has no one answer: leave --json out")
	}
	t, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	im := p.importer(t, f, since)
	if f.watch {
		return p.watchSessions(ctx, t, im, paths, f)
	}
	files, err := p.sessionFiles(paths, f, im.Skip)
	if err != nil {
		return err
	}
	p.tuneMemory()
	im.Progress = p.importProgress()
	done, err := im.Import(ctx, files)
	if im.Progress != nil {
		p.clearLine()
	}
	if err != nil {
		return err
	}
	if err := p.pin(ctx, t); err != nil {
		return err
	}
	if p.json {
		return p.printJSON(done)
	}
	return printImported(p.out(), done)
}

// importable are the clients whose sessions can be imported.
func importable() []string {
	return []string{agent.ClaudeCode, agent.Codex, agent.Gemini, agent.Copilot}
}

func (p *Program) importer(t *trail, f *importFlags, since time.Time) *importer.Importer {
	s := agent.Surroundings{
		DefaultAgent: p.Env("WHODID_AGENT"), Home: place.Home(p.Env), Repository: place.Repository,
	}
	s.Person, s.PersonAuth = hook.Person(t.ring, p.Env)
	return &importer.Importer{
		Recorder: t.recorder, Surroundings: s, Agent: f.agent, StatePath: t.place.Imports, Now: p.Now, Since: since, Dry: f.dry, All: f.all,
		Known: func(ctx context.Context, sessions []string) (map[string]importer.KnownSession, error) {
			return p.knownSessions(ctx, t, sessions)
		},
		Skip: func(path string, err error) {
			if of, ok := errors.AsType[*fs.PathError](err); ok {
				err = of.Err
			}
			fmt.Fprintf(p.Stderr, "whodid: skipped %s: %s\n", term.Clean(path), term.Clean(err.Error()))
		},
	}
}

// knownSessions tells to which executions the sessions belong that the trail
// knows, and whether an import alone told of them.
func (p *Program) knownSessions(ctx context.Context, t *trail, sessions []string) (map[string]importer.KnownSession, error) {
	starts, err := t.store.SessionStarts(ctx, p.org, sessions)
	if err != nil {
		return nil, err
	}
	all := map[string]importer.KnownSession{}
	for i := range starts {
		s := &starts[i]
		if s.Data.String("agent_id") != "" {
			continue // a sub-agent's
		}
		known, before := all[s.Session]
		if !before || s.What == "session.start" {
			known.Execution = s.Execution
		}
		known.Imported = (known.Imported || !before) && strings.HasPrefix(s.Source, "import:")
		all[s.Session] = known
	}
	return all, nil
}

// sessionFiles lists the files to look at: those that were named, or what is in
// the clients' own folders.
func (p *Program) sessionFiles(paths []string, f *importFlags, skip func(string, error)) ([]importer.File, error) {
	if len(paths) > 0 {
		named := make([]string, len(paths))
		for i, path := range paths {
			if named[i] = path; !filepath.IsAbs(path) {
				named[i] = filepath.Join(p.Dir, path)
			}
		}
		return importer.Named(named, f.client, skip)
	}
	roots := importer.Roots(place.Home(p.Env), p.Env)
	if f.client != "" {
		roots = slices.DeleteFunc(roots, func(r importer.Root) bool { return r.Client != f.client })
	}
	return importer.Discover(roots, skip), nil
}

// watchSessions imports what is new again and again, less often while there is
// nothing.
func (p *Program) watchSessions(ctx context.Context, t *trail, im *importer.Importer, paths []string, f *importFlags) error {
	const least = 2 * time.Second
	wait := least
	for {
		files, err := p.sessionFiles(paths, f, im.Skip)
		if err != nil {
			return err
		}
		done, err := im.Import(ctx, files)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			// The trail may come back; nothing is lost, for it is read again.
			p.complain(err)
			wait = max(f.every, least)
		case done.Events > 0:
			fmt.Fprintf(p.Stdout, "%s  %s from %s\n", whodid.FormatTime(p.Now()), term.Count(int64(done.Events), "new event"), term.Count(int64(done.Read), "file"))
			wait = least
			if err := p.pin(ctx, t); err != nil {
				return err
			}
		default:
			wait = min(wait*2, max(f.every, least))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// importProgress shows a person how far a long import is.
func (p *Program) importProgress() func(importer.Progress) {
	show := p.gitProgress("importing, MB")
	if show == nil {
		return nil
	}
	return func(at importer.Progress) { show(int(at.BytesDone >> 20)) }
}

func printImported(o *term.Output, done *importer.Imported) error {
	if done.Files == 0 {
		o.Printf("No client keeps sessions here.\n")
		return nil
	}
	t := o.Table(term.Column{Title: "CLIENT", Whole: true}, term.Column{Title: "FILES", Right: true, Whole: true}, term.Column{Title: "READ", Right: true, Whole: true},
		term.Column{Title: "MODEL CALLS", Right: true, Whole: true}, term.Column{Title: "TOOL CALLS", Right: true, Whole: true})
	for i := range done.Clients {
		c := &done.Clients[i]
		t.Row(term.Text(c.Client), term.Int(c.Files), term.Int(c.Read), term.Int(c.Requests), term.Int(c.Calls))
	}
	if err := t.Write(); err != nil || !o.Terminal() {
		return err
	}
	verb := "recorded"
	if done.DryRun {
		verb = "would be looked up; nothing was recorded"
		o.Printf("\n%s %s\n", term.Count(int64(done.Requests+done.Calls), "call"), verb)
		return nil
	}
	o.Printf("\n%s %s\n", term.Count(int64(done.Events), "new event"), verb)
	return nil
}
