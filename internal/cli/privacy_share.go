package cli

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/privacy"
)

// personExported is the answer of "privacy export".
type personExported struct {
	Path       string `json:"path"`
	Events     int    `json:"events"`
	Executions int    `json:"executions"`
	// EventID is the event that says that this was exported.
	EventID string `json:"event_id"`
}

func (p *Program) privacyExportCommand() *cobra.Command {
	var out, request string
	c := &cobra.Command{
		Use:   "export PERSON -o FOLDER|FILE.zip [--request ID]",
		Short: "Export what the trail holds of a person",
		Long: `Writes what the trail holds of a person, as JSON lines and CSV with a readme that
says what it is and a manifest with digests. The same trail gives the same bytes.
That it was exported is an event.

--request answers a request of "whodid privacy request": without PERSON it is of
its person, as the pseudonyms that it names.`,
		Example: `  whodid privacy export ada@example.com -o ada.zip
  whodid privacy export p7k2m9q4tz8w1c3a -o ada/
  whodid privacy export --request evt-7k2m -o ada.zip`,
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				return misuse(errors.New("-o is missing"), "say where to write it: a folder or a .zip file that is not there yet")
			}
			given, err := whom(args, request)
			if err != nil {
				return err
			}
			return p.exportPerson(c.Context(), given, request, p.path(out))
		},
	}
	c.Flags().StringVar(&request, "request", "", "the `ID` of the request that this answers")
	c.Flags().StringVarP(&out, "out", "o", "", "write to this `FOLDER` or .zip file")
	return c
}

func (p *Program) exportPerson(ctx context.Context, given, request, out string) error {
	w, who, err := p.approvalPen(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	sel := privacy.Selector{Kind: privacy.ByPerson}
	if given != "" {
		if sel, err = p.personSelector(w.trail, given); err != nil {
			return err
		}
	}
	if request, err = answering(ctx, w.trail, request, "export", &sel); err != nil {
		return err
	}
	e, err := p.privacyOf(w.trail, p.org).Export(ctx, sel)
	if errors.Is(err, privacy.ErrNothing) {
		return withHint(err, "a person has a pseudonym for each source: try their e-mail address, @login, or the pseudonym that the trail shows")
	}
	if err != nil {
		return err
	}
	if strings.HasSuffix(out, ".zip") {
		err = writeZip(out, e)
	} else {
		err = writeFolder(out, e)
	}
	if err != nil {
		return err
	}
	data := whodid.Data{"event_count": int64(e.Events), "run_count": int64(e.Executions)}
	if request != "" {
		data["request"] = request
	}
	id, err := p.tellPrivacy(ctx, w, who, "privacy.export", "", data)
	if err != nil {
		return err
	}
	if p.json {
		return p.printJSON(personExported{Path: out, Events: e.Events, Executions: e.Executions, EventID: id})
	}
	_, err = fmt.Fprintf(p.Stdout, "%s\t%d events\t%d executions\n", out, e.Events, e.Executions)
	return err
}

// tellPrivacy records what was done about personal data.
func (p *Program) tellPrivacy(ctx context.Context, w *pen, who approval.Who, what, target string, data whodid.Data) (string, error) {
	rows, err := w.trail.recorder.Record(ctx, whodid.Event{
		Key: freshKey(what), What: what, Actor: who.Actor, ActorAuth: who.Auth, OnBehalfOf: who.OnBehalfOf, OnBehalfAuth: who.OnBehalfAuth,
		Execution: who.Execution, Target: target, Source: "cli", Data: data,
	})
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return rows[len(rows)-1].ID, nil
}

// writeZip writes the files into a new archive, always the same for the same
// files.
func writeZip(path string, e *privacy.Export) error {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range e.Names() {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err == nil {
			_, err = f.Write(e.Files[name])
		}
		if err != nil {
			return fmt.Errorf("couldn't write the export: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("couldn't write the export: %w", err)
	}
	return writeNew(path, b.Bytes())
}

func writeFolder(dir string, e *privacy.Export) error {
	if list, err := os.ReadDir(dir); err == nil && len(list) > 0 {
		return withHint(fmt.Errorf("%s is not empty", dir), "name a folder that is not there yet")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("couldn't write the export: %w", err)
	}
	for _, name := range e.Names() {
		if err := writeNew(filepath.Join(dir, name), e.Files[name]); err != nil {
			return err
		}
	}
	return nil
}

// writeNew writes a file of personal data: for this user alone, and never over
// another one.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return withHint(fmt.Errorf("%s is there already", path), "name a file that is not there yet")
	}
	if err != nil {
		return fmt.Errorf("couldn't write %s: %w", path, err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("couldn't write %s: %w", path, err)
	}
	return nil
}

func (p *Program) privacyCertificateCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "certificate EVENT",
		Short: "Print the certificate of an erasure",
		Long: `The certificate lists what was erased, by event ids and fields, and carries the
bundle that proves the event of the request: who asked, when, why, how many, root
and size of the log before, and the digest of that list. whodid-verify checks the
bundle offline.`,
		Example: "  whodid privacy certificate evt-7k2m9q4t -o erasure.json\n  jq .bundle erasure.json | whodid-verify -",
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			t, err := p.openToAsk(c.Context())
			if err != nil {
				return err
			}
			defer t.close()
			id, err := t.store.ResolveEvent(c.Context(), p.org, args[0])
			if err != nil {
				return unresolvedAmong(err, "whodid history --verbose")
			}
			certificate, err := p.privacyOf(t, p.org).Certify(c.Context(), id, t.asker.Prove)
			if err != nil {
				return err
			}
			text, err := json.MarshalIndent(certificate, "", "  ")
			if err != nil {
				return fmt.Errorf("couldn't write the certificate: %w", err)
			}
			text = append(text, '\n')
			if out == "" || out == "-" {
				_, err = p.Stdout.Write(text)
				return err
			}
			return writeNew(p.path(out), text)
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "write it to this file")
	return c
}

// anonymized is the answer of "privacy anonymize".
type anonymized struct {
	Path   string `json:"path"`
	Events uint64 `json:"events"`
}

func (p *Program) privacyAnonymizeCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "anonymize -o FILE",
		Short: "Make a copy of the trail without personal data, to be shared",
		Long: `Makes a new SQLite trail with the same log, in which persons, targets, reasons
and all metadata that could lead to a person are erased. Agents, verbs, times,
results, tokens and cost stay. It verifies against the checkpoints of this
trail:

  whodid verify --store FILE --key "$(whodid log key)"`,
		Example: "  whodid privacy anonymize -o shared.db",
		Args:    arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if out == "" {
				return misuse(errors.New("-o is missing"), "say where to write it: a file that is not there yet")
			}
			return p.anonymize(c.Context(), p.path(out))
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "write to this new file")
	return c
}

func (p *Program) anonymize(ctx context.Context, out string) error {
	if _, err := os.Lstat(out); err == nil {
		return withHint(fmt.Errorf("%s is there already", out), "name a file that is not there yet")
	}
	if _, err := place.Parse(out); err != nil {
		return usageError("-o: %w", err)
	}
	w, who, err := p.approvalPen(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	n, err := p.privacyOf(w.trail, p.org).Anonymize(ctx, out)
	if err != nil {
		return err
	}
	if _, err := p.tellPrivacy(ctx, w, who, "privacy.anonymize", "", whodid.Data{"event_count": int64(n), "size": int64(n)}); err != nil {
		return err
	}
	if p.json {
		return p.printJSON(anonymized{Path: out, Events: n})
	}
	_, err = fmt.Fprintf(p.Stdout, "%s\t%d events\n", out, n)
	return err
}
