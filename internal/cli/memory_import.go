package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/markdown"
	"github.com/whodid/whodid/internal/term"
)

// imported is the answer of "memory import".
type imported struct {
	// Files is how many had decisions, Decisions how many these are, and New
	// how many of them the trail did not hold yet.
	Files     int `json:"files"`
	Decisions int `json:"decisions"`
	New       int `json:"new"`
	// Cut is how many were longer than the trail keeps.
	Cut int `json:"cut"`
	// Entries are the decisions that were found.
	Entries []importedEntry `json:"entries"`
}

type importedEntry struct {
	DecisionID string `json:"decision_id"`
	Path       string `json:"path"`
	Origin     string `json:"origin"`
	Subject    string `json:"subject"`
	Decision   string `json:"decision"`
}

func (p *Program) memoryImportCommand() *cobra.Command {
	var dry bool
	c := &cobra.Command{
		Use:   "import PATH...",
		Short: "Import decisions from Markdown: ADRs, CLAUDE.md and other notes",
		Long: `Reads Markdown files, or all of them below a folder, and records what they decide:
a record of an architecture decision (ADR, in Nygard's form or MADR's) as one
decision with its context, options and consequences; any other file as one
decision for each item of its lists, or paragraph, under its headings.

Importing again adds only what is new: an entry that was edited is a new
decision. Who imports is who is recorded, for nobody else is known; the time is
that of the import. Code blocks, tables and quotations are left out, secrets and
names removed as everywhere.`,
		Example: `  whodid memory import docs/adr
  whodid memory import CLAUDE.md AGENTS.md --dry-run`,
		Args: arguments(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return p.memoryImport(c.Context(), args, dry) },
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "show what would be imported and record nothing")
	return c
}

func (p *Program) memoryImport(ctx context.Context, paths []string, dry bool) error {
	files, err := markdownFiles(paths)
	if err != nil {
		return err
	}
	w, err := p.openPenTo(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	signed := whodid.Event{At: p.Now()}
	if err := w.sign(ctx, &signed); err != nil {
		return err
	}
	repository := p.repositoryName(ctx)
	answer := imported{Entries: []importedEntry{}}
	for _, file := range files {
		events, cut, err := p.decisionsOf(file, &signed, repository)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			continue
		}
		answer.Files++
		answer.Decisions += len(events)
		answer.Cut += cut
		if !dry {
			done, err := w.write(ctx, events...)
			if err != nil {
				return fmt.Errorf("couldn't record the decisions of %s: %w", file, err)
			}
			answer.New += done.new
		}
		for i := range events {
			e := &events[i]
			e.Org = p.org
			e.Identify()
			answer.Entries = append(answer.Entries, importedEntry{
				DecisionID: e.ID, Path: e.Data.String("path"), Origin: e.Data.String("origin"), Subject: e.Target, Decision: e.Data.String("decided"),
			})
		}
	}
	return p.tellImported(&answer, dry)
}

func (p *Program) tellImported(answer *imported, dry bool) error {
	if p.json {
		return p.printJSON(answer)
	}
	if !dry {
		fmt.Fprintf(p.Stdout, "%s in %s, %d of them new\n", term.Count(int64(answer.Decisions), "decision"), term.Count(int64(answer.Files), "file"), answer.New)
		if answer.Cut > 0 {
			fmt.Fprintf(p.Stderr, "whodid: %d were longer than the trail keeps, and cut\n", answer.Cut)
		}
		return nil
	}
	t := p.out().Table(term.Column{Title: "PATH"}, term.Column{Title: "SUBJECT"}, term.Column{Title: "DECISION"})
	for _, e := range answer.Entries {
		t.Row(term.Text(e.Path), term.Text(e.Subject), term.Text(e.Decision))
	}
	return t.Write()
}

// decisionsOf reads one file. Events have keys of their content, so that a file
// can be imported again.
func (p *Program) decisionsOf(file string, signed *whodid.Event, repository string) (events []whodid.Event, cut int, err error) {
	text, err := readMarkdown(file)
	if err != nil {
		return nil, 0, err
	}
	// Before anything is taken apart: what surrounds a secret tells that it is one.
	redactor, err := p.redactor()
	if err != nil {
		return nil, 0, err
	}
	clean, _ := redactor.Clean(string(text))
	where := p.pathInProject(file)
	for _, entry := range markdown.Parse([]byte(clean)) {
		e := *signed
		e.What, e.Source, e.Target, e.Why = "decision.record", "import:"+entry.Origin, entry.Subject, entry.Why
		e.Data = whodid.Data{"decided": entry.Decision, "origin": entry.Origin, "path": where}
		for name, value := range map[string]string{"expected": entry.Expected, "said_status": entry.Status, "repository": repository} {
			if value != "" {
				e.Data[name] = value
			}
		}
		if len(entry.Alternatives) > 0 {
			e.Data["alternatives"] = entry.Alternatives
		}
		digest := sha256.Sum256(e.Data.Canonical())
		e.Key = factKey("import", repository, where, e.Target, e.Why, hex.EncodeToString(digest[:]))
		if entry.Cut {
			cut++
		}
		events = append(events, e)
	}
	return events, cut, nil
}

func readMarkdown(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("couldn't read %s: %w", file, err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(f, markdown.MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("couldn't read %s: %w", file, err)
	}
	if len(text) > markdown.MaxFile {
		return nil, fmt.Errorf("%s is larger than %d MiB: that is no file of decisions", file, markdown.MaxFile>>20)
	}
	return text, nil
}

// markdownFiles are the files that paths name: files as they are, and Markdown
// files below folders.
func markdownFiles(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, usageError("couldn't read %s: %w", path, errors.Unwrap(err))
		}
		if !info.IsDir() {
			if !info.Mode().IsRegular() {
				return nil, usageError("%s is not a file", path)
			}
			files = append(files, path)
			continue
		}
		err = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return fmt.Errorf("couldn't read %s: %w", name, err)
			case d.IsDir() && name != path && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "vendor"):
				return filepath.SkipDir
			case d.Type().IsRegular() && strings.EqualFold(filepath.Ext(name), ".md"):
				files = append(files, name)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// pathInProject is a file's path within its repository; outside of one only its
// name is told.
func (p *Program) pathInProject(file string) string {
	abs := file
	if !filepath.IsAbs(abs) {
		abs = filepath.Join(p.Dir, file)
	}
	for dir := filepath.Dir(abs); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			if rel, err := filepath.Rel(dir, abs); err == nil {
				return filepath.ToSlash(rel)
			}
		}
		if dir == filepath.Dir(dir) {
			return filepath.Base(file)
		}
	}
}
