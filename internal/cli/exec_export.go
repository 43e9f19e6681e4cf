package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/authorship"
	"github.com/whodid/whodid/internal/git"
	"github.com/whodid/whodid/internal/interchange"
	"github.com/whodid/whodid/internal/sink"
	"github.com/whodid/whodid/internal/store"
)

// exportFlags are those of "exec export".
type exportFlags struct {
	format, fields, out string
	draft               bool
	to, tokenFile       string
}

// The formats that a run is exported in.
const (
	exportInToto     = "in-toto"
	exportOCSF       = "ocsf"
	exportAgentTrace = "agent-trace"
	exportOTLP       = "otlp"
)

func (p *Program) execExportCommand() *cobra.Command {
	var f exportFlags
	c := &cobra.Command{
		Use:   "export ID",
		Short: "Write a run in a format of others: in-toto, OCSF, OTLP, Agent Trace",
		Long: `Writes one execution for the tools of others:

  in-toto      an attestation of the commits and files that the run made, in a
               DSSE envelope that the trail's key signs
  ocsf         its events, one line of OCSF each
  otlp         the spans of one trace, by OpenTelemetry's names for generative AI;
               --to sends them to a collector
  agent-trace  whose the lines of the files are that it committed (--draft)

Paths, reasons and people stay here unless --fields all says otherwise. The
versions are in docs/interchange.md. In the repository of the run, commits that
the trail knows by a short id, and the files in them, are found there.`,
		Example: `  whodid exec export 7k2m --format in-toto -o run.intoto.json
  whodid exec export 7k2m --format ocsf --fields all | jq .api.operation
  whodid exec export 7k2m --format otlp --to http://127.0.0.1:4318
  whodid exec export 7k2m --format agent-trace --draft >> .agent-trace/traces.jsonl`,
		Args:              arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: p.completeExecutions,
		RunE:              func(c *cobra.Command, args []string) error { return p.execExport(c.Context(), args[0], &f) },
	}
	c.Flags().StringVar(&f.format, "format", "", "in-toto, ocsf, otlp or agent-trace")
	c.Flags().StringVar(&f.fields, "fields", string(sink.Technical), "technical: neither people nor paths or reasons; all: what the trail holds")
	c.Flags().StringVarP(&f.out, "out", "o", "", "the `FILE` to write; standard output without it")
	c.Flags().BoolVar(&f.draft, "draft", false, "write a format that may still change")
	c.Flags().StringVar(&f.to, "to", "", "the `URL` of a collector that the spans are sent to; /v1/traces is added")
	c.Flags().StringVar(&f.tokenFile, "token-file", "", "the `FILE` of the collector's bearer token")
	return c
}

// check finds what can't be meant.
func (f *exportFlags) check() error {
	formats := []string{exportInToto, exportOCSF, exportOTLP, exportAgentTrace}
	switch {
	case !slices.Contains(formats, f.format):
		return usageError("--format %q is none of %s", f.format, strings.Join(formats, ", "))
	case f.fields != string(sink.Technical) && f.fields != string(sink.All):
		return usageError("--fields %q is none of technical, all", f.fields)
	case f.format == exportAgentTrace && !f.draft:
		return usageError("Agent Trace %s is a draft that may still change: say --draft", authorship.TraceVersion)
	case f.to != "" && (f.format != exportOTLP || f.out != ""):
		return usageError("--to sends spans: it goes with --format otlp, and without --out")
	case f.tokenFile != "" && f.to == "":
		return usageError("--token-file goes with --to")
	}
	return nil
}

func (p *Program) execExport(ctx context.Context, prefix string, f *exportFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	g, t, err := p.askGit(ctx)
	if err != nil {
		return err
	}
	if t == nil {
		return unresolved(fmt.Errorf("execution %s: %w", prefix, store.ErrNotFound))
	}
	defer t.close()
	if f.format == exportAgentTrace {
		return p.exportTrace(ctx, g, t, prefix, f.out)
	}
	run, err := p.runToExport(ctx, t, prefix, sink.Fields(f.fields))
	if err != nil {
		return unresolved(err)
	}
	var content []byte
	switch f.format {
	case exportInToto:
		content, err = p.attest(t, run)
	case exportOCSF:
		content, err = interchange.OCSF(run)
	default:
		if content, err = interchange.OTLP(run); err == nil && f.to != "" {
			return p.sendSpans(ctx, content, f)
		}
		content = append(content, '\n')
	}
	if err != nil {
		return err
	}
	return p.hand(f.out, content, 0o600, "run")
}

// attest writes the attestation of a run in its envelope. Only who holds the trail's
// key can.
func (p *Program) attest(t *trail, run *interchange.Run) ([]byte, error) {
	if t.ledger == nil {
		return nil, withHint(fmt.Errorf("couldn't sign the attestation: %w", errNoKey), "run it where the trail is recorded, or use --format ocsf")
	}
	text, err := interchange.InToto(run)
	if err != nil {
		return nil, err
	}
	envelope, err := t.ledger.SignEnvelope(interchange.PayloadType, text)
	if err != nil {
		return nil, err
	}
	content, err := json.Marshal(envelope)
	return append(content, '\n'), err
}

// runToExport gathers a run with its commits.
func (p *Program) runToExport(ctx context.Context, t *trail, prefix string, fields sink.Fields) (*interchange.Run, error) {
	show, err := t.asker.Show(ctx, prefix)
	if err != nil {
		return nil, err
	}
	rows, err := t.store.Events(ctx, p.org, store.EventFilter{Execution: show.ExecutionID})
	if err != nil {
		return nil, err
	}
	log, err := t.store.Log(ctx, p.org)
	if err != nil {
		return nil, err
	}
	head, err := t.store.Head(ctx, p.org)
	if err != nil {
		return nil, err
	}
	run := &interchange.Run{
		Execution: &show.Execution, Rows: rows, Fields: fields, Origin: log.Origin, PublicKey: log.PublicKey, Checkpoint: head.Checkpoint, Version: p.Version,
	}
	run.Commits, err = p.commitsToExport(ctx, t, show.ExecutionID, rows)
	return run, err
}

// commitsToExport are the commits of a run by their full ids: those of the index, and
// those that its events name, as far as the repository here knows them. What they
// changed only the repository can tell.
func (p *Program) commitsToExport(ctx context.Context, t *trail, execution string, rows []store.Row) ([]interchange.Commit, error) {
	list, err := t.asker.Commits(ctx, ask.CommitFilter{Execution: execution})
	if err != nil {
		return nil, err
	}
	var ids []string
	add := func(id string) {
		if interchange.IsGitID(id) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	slices.Reverse(list.Commits) // the oldest first
	for i := range list.Commits {
		add(list.Commits[i].Commit)
	}
	repo := git.In(p.Dir)
	for _, id := range interchange.CommitsOf(rows) {
		if !interchange.IsGitID(id) {
			full, err := repo.Run(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", id+"^{commit}")
			if err != nil {
				continue // it is a commit of another repository
			}
			id = strings.TrimSpace(full)
		}
		add(id)
	}
	out := make([]interchange.Commit, 0, len(ids))
	for _, id := range ids {
		out = append(out, interchange.Commit{ID: id, Files: filesOf(ctx, repo, id)})
	}
	return out, nil
}

// filesOf are the files that a commit left behind, where the repository here has it.
func filesOf(ctx context.Context, repo git.Repository, id string) []interchange.File {
	text, err := repo.Run(ctx, "diff-tree", "-r", "-z", "--root", "--no-commit-id", "--no-renames", id)
	if err != nil {
		return nil
	}
	var out []interchange.File
	parts := strings.Split(text, "\x00")
	for i := 0; i+1 < len(parts); i += 2 {
		fields := strings.Fields(strings.TrimPrefix(parts[i], ":"))
		if len(fields) == 5 && fields[4] != "D" && strings.HasPrefix(fields[1], "100") && interchange.IsGitID(fields[3]) {
			out = append(out, interchange.File{Path: parts[i+1], Blob: fields[3]})
		}
	}
	return out
}

// exportTrace writes the Agent Trace record of the files of the run's last commit.
func (p *Program) exportTrace(ctx context.Context, g *ask.Git, t *trail, prefix, out string) error {
	run, err := p.runToExport(ctx, t, prefix, sink.All)
	if err != nil {
		return unresolved(err)
	}
	var last *interchange.Commit
	for i := range run.Commits {
		if len(run.Commits[i].Files) > 0 {
			last = &run.Commits[i]
		}
	}
	if g.Repo == nil || last == nil {
		return withHint(errors.New("the run has no commit with files that the repository here knows"), "run it in the repository of the run; see also: whodid git agent-trace")
	}
	var paths []string
	for _, c := range run.Commits {
		for _, f := range c.Files {
			if !slices.Contains(paths, f.Path) && (c.ID == last.ID || isIn(ctx, git.In(p.Dir), last.ID, f.Path)) {
				paths = append(paths, f.Path)
			}
		}
	}
	slices.Sort(paths)
	record, err := g.Trace(ctx, "", p.Version, last.ID, paths)
	if err != nil {
		return err
	}
	record.ID = nameUUID(run.Execution.ExecutionID + "\n" + record.VCS.Revision + "\n" + strings.Join(paths, "\n"))
	text, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("couldn't print the record: %w", err)
	}
	return p.hand(out, append(text, '\n'), 0o600, "run")
}

// isIn tells whether a commit's tree has the file.
func isIn(ctx context.Context, repo git.Repository, commit, path string) bool {
	_, err := repo.Run(ctx, "cat-file", "-e", commit+":"+path)
	return err == nil
}

// hand writes what was asked for to a file, or to standard output if none is named.
func (p *Program) hand(out string, content []byte, mode os.FileMode, what string) error {
	if out == "" || out == "-" {
		_, err := p.Stdout.Write(content)
		return err
	}
	if err := os.WriteFile(p.path(out), content, mode); err != nil {
		return fmt.Errorf("couldn't write the %s: %w", what, err)
	}
	return nil
}

// sendSpans sends spans to a collector, and believes it only if it took all of them.
func (p *Program) sendSpans(ctx context.Context, content []byte, f *exportFlags) error {
	u, err := url.Parse(f.to)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return usageError("--to %q is no address such as http://127.0.0.1:4318", f.to)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.JoinPath("v1", "traces").String(), bytes.NewReader(content))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if f.tokenFile != "" {
		token, err := os.ReadFile(f.tokenFile)
		if err != nil {
			return fmt.Errorf("couldn't read the token: %w", err)
		}
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	client := &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("couldn't send the spans: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("couldn't send the spans: %w", err)
	}
	var told struct {
		PartialSuccess struct {
			Rejected json.Number `json:"rejectedSpans"`
			Error    string      `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
	_ = json.Unmarshal(answer, &told) // an empty answer takes all
	n := told.PartialSuccess.Rejected.String()
	switch {
	case res.StatusCode/100 != 2:
		return fmt.Errorf("couldn't send the spans: the collector answered %s", res.Status)
	case n != "" && n != "0":
		return fmt.Errorf("the collector refused %s of the spans: %q", n, told.PartialSuccess.Error)
	}
	p.out().Printf("%d bytes of spans are at %s\n", len(content), u.Host)
	return nil
}
