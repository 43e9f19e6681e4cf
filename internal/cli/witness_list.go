package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/term"
	"github.com/whodid/whodid/internal/witness"
)

// witnessFile is the file of witnesses, and where it is.
type witnessFile struct {
	*witness.File
	path string
}

// witnessFile reads the file of witnesses.
func (p *Program) witnessFile() (*witnessFile, error) {
	path := p.Env("WHODID_WITNESSES")
	if path == "" {
		path = filepath.Join(filepath.Dir(place.ConfigFile(p.Env)), "witnesses.toml")
	}
	f, err := witness.Load(path)
	if err != nil {
		return nil, &exitError{code: ExitUsage, err: err}
	}
	return &witnessFile{File: f, path: path}, nil
}

// readWitnesses reads the file of witnesses for questions.
func (p *Program) readWitnesses() (*witness.File, error) {
	file, err := p.witnessFile()
	if err != nil {
		return nil, err
	}
	return file.File, nil
}

// of are the witnesses of an organisation.
func (f *witnessFile) of(org string) []witness.Place {
	var out []witness.Place
	for i := range f.Witnesses {
		if f.Witnesses[i].Of(org) {
			out = append(out, f.Witnesses[i])
		}
	}
	return out
}

// named are those that are named, or all.
func (f *witnessFile) named(org string, names []string) ([]witness.Place, error) {
	all := f.of(org)
	if len(names) == 0 {
		return all, nil
	}
	var out []witness.Place
	for _, name := range names {
		i := slices.IndexFunc(all, func(p witness.Place) bool { return p.Name == name })
		if i < 0 {
			return nil, withHint(usageError("there is no witness %q", name), "see: whodid witness list")
		}
		out = append(out, all[i])
	}
	return out, nil
}

// witnessList is the answer of "witness list".
type witnessList struct {
	File string `json:"file"`
	// Quorum is how many C2SP witnesses must have cosigned a checkpoint.
	Quorum    int           `json:"quorum"`
	Witnesses []witnessItem `json:"witnesses"`
}

// witnessItem is a witness, and how it is doing.
type witnessItem struct {
	witness.Place
	// Size is that of the tree that it saw last, SeenAt when it saw it, Behind how
	// many events were recorded since.
	Size   uint64     `json:"size"`
	SeenAt *time.Time `json:"seen_at"`
	Behind uint64     `json:"behind"`
	// Failures counts those since then; Refused says that it saw another trail than
	// this one, Reason what went wrong the last time.
	Failures int64  `json:"failures"`
	Refused  bool   `json:"refused"`
	Reason   string `json:"reason,omitempty"`
}

func (p *Program) witnessListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the witnesses, and what each has seen",
		Long: `Lists the witnesses that the file of witnesses names: C2SP witnesses, authorities
for time stamps, and git repositories. For each it says how much of the trail it
has seen, when, and what went wrong since.`,
		Example: `  whodid witness list
  whodid witness list --json | jq '.witnesses[] | select(.failures > 0)'`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			list, err := p.listWitnesses(c.Context())
			if err != nil {
				return err
			}
			if p.json {
				return p.printJSON(list)
			}
			o := p.out()
			if len(list.Witnesses) == 0 {
				p.advise(o, "There is no witness. Add one: whodid witness add NAME --url URL --key KEY (docs/witnesses.md)")
				return nil
			}
			t := o.Table(term.Column{Title: "WITNESS", Whole: true}, term.Column{Title: "KIND", Whole: true}, term.Column{Title: "EVENTS", Right: true, Whole: true},
				term.Column{Title: "SEEN", Whole: true}, term.Column{Title: "SINCE", Right: true, Whole: true}, term.Column{Title: "STATE"})
			for i := range list.Witnesses {
				w := &list.Witnesses[i]
				state := term.Cell{Text: "good", Style: term.Green}
				switch {
				case w.Refused:
					state = term.Cell{Text: "REFUSED: " + w.Reason, Style: term.Red}
				case w.Failures > 0:
					state = term.Cell{Text: fmt.Sprintf("failed %s: %s", term.Count(w.Failures, "time"), w.Reason), Style: term.Yellow}
				case w.SeenAt == nil:
					state = term.Cell{Text: "not shown yet"}
				}
				t.Row(term.Text(w.Name), term.Text(w.Kind), term.Int(int64(w.Size)), seenCell(o, w.SeenAt), term.Int(int64(w.Behind)), state)
			}
			if err := t.Write(); err != nil {
				return err
			}
			if list.Quorum > 0 {
				p.advise(o, "%d of the C2SP witnesses must have cosigned.", list.Quorum)
			}
			return nil
		},
	}
}

// seenCell is when a witness saw something.
func seenCell(o *term.Output, at *time.Time) term.Cell {
	if at == nil {
		return term.Cell{Text: "never"}
	}
	return term.Text(o.Time(at))
}

func (p *Program) listWitnesses(ctx context.Context) (*witnessList, error) {
	file, err := p.witnessFile()
	if err != nil {
		return nil, err
	}
	t, err := p.openToAsk(ctx)
	if err != nil {
		return nil, err
	}
	defer t.close()
	return p.witnessItems(ctx, t, file)
}

// witnessItems are the witnesses of the file, and how they are doing with a trail.
func (p *Program) witnessItems(ctx context.Context, t *trail, file *witnessFile) (*witnessList, error) {
	size, err := t.asker.Size(ctx)
	if err != nil {
		return nil, err
	}
	states, err := t.store.WitnessStates(ctx, p.org)
	if err != nil {
		return nil, err
	}
	list := &witnessList{File: file.path, Quorum: file.Quorum, Witnesses: []witnessItem{}}
	for _, w := range file.of(p.org) {
		item := witnessItem{Place: w}
		if i := slices.IndexFunc(states, func(s store.WitnessState) bool { return s.Name == w.Name }); i >= 0 {
			item.Failures, item.Refused, item.Reason = states[i].Failures, states[i].Refused, states[i].Reason
		}
		last, err := t.store.Witnessed(ctx, p.org, w.Name, 1)
		if err != nil {
			return nil, err
		}
		for i := range last {
			item.Size, item.SeenAt = last[i].Size, &last[i].SeenAt
		}
		item.Behind = size - min(item.Size, size)
		list.Witnesses = append(list.Witnesses, item)
	}
	return list, nil
}

// witnessAdded is the answer of "witness add" and "witness remove".
type witnessAdded struct {
	File   string `json:"file"`
	Quorum int    `json:"quorum"`
	// Witness is the one that was added or removed.
	Witness string `json:"witness"`
}

func (p *Program) witnessAddCommand() *cobra.Command {
	var w witness.Place
	var tsa, repository string
	quorum := -1
	c := &cobra.Command{
		Use:   "add NAME",
		Short: "Name a witness that the trail is shown to",
		Long: `Puts a witness into the file of witnesses: one that cosigns checkpoints (C2SP
tlog-witness), with --url and --key; an authority that stamps them with the time
(RFC 3161), with --tsa and --roots; or a git repository, with --git.

A C2SP witness must be told of the log, too: send its operator what
"whodid log key" prints. --quorum says how many of them must have cosigned a
checkpoint before "whodid verify" takes it for proved.`,
		Example: `  whodid witness add w1 --url https://witness.example.org --key 'witness.example.org/w1+0c3a9f77+BF0…'
  whodid witness add clock --tsa https://tsa.example.org/tsr --roots tsa-root.pem
  whodid witness add code --git ~/src/shop --remote origin
  whodid witness add w2 --url https://w2.example.net --key 'w2.example.net+…' --quorum 2`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			w.Name = args[0]
			switch {
			case tsa != "" && w.URL == "" && repository == "":
				w.Kind, w.URL = witness.KindTSA, tsa
			case repository != "" && w.URL == "" && tsa == "":
				w.Kind = witness.KindGit
			case w.URL != "" && tsa == "" && repository == "":
				w.Kind = witness.KindC2SP
			default:
				return usageError("say which kind of witness it is: just one of --url (with --key), --tsa (with --roots) and --git")
			}
			var err error
			if w.Repository, err = p.absolute(repository); err != nil {
				return err
			}
			if w.Roots, err = p.absolute(w.Roots); err != nil {
				return err
			}
			file, err := p.witnessFile()
			if err != nil {
				return err
			}
			if err := file.Add(file.path, w, quorum); err != nil {
				return usageError("couldn't add the witness %s: %w", w.Name, err)
			}
			if p.json {
				return p.printJSON(witnessAdded{File: file.path, Quorum: file.Quorum, Witness: w.Name})
			}
			o := p.out()
			o.Printf("%s is a witness now (%s)\n", w.Name, file.path)
			p.advise(o, "Show it the trail: whodid witness push")
			return nil
		},
	}
	c.Flags().StringVar(&w.URL, "url", "", "the submission prefix of a C2SP witness")
	c.Flags().StringVar(&w.Key, "key", "", "the witness's public `KEY`, name+hash+base64")
	c.Flags().StringVar(&tsa, "tsa", "", "the `URL` of an authority for time stamps")
	c.Flags().StringVar(&w.Roots, "roots", "", "the `FILE` of the authority's root certificates, in PEM")
	c.Flags().StringVar(&repository, "git", "", "the `FOLDER` of a git repository")
	c.Flags().StringVar(&w.Remote, "remote", "", "the remote that the repository's checkpoints are pushed to")
	c.Flags().StringSliceVar(&w.Orgs, "orgs", nil, "the organisations whose logs it is shown; all without it")
	c.Flags().IntVar(&quorum, "quorum", -1, "how many C2SP witnesses must have cosigned")
	return c
}

// absolute makes a path absolute, so that it means the same from everywhere.
func (p *Program) absolute(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.Dir, path)
	}
	if _, err := os.Stat(path); err != nil {
		return "", usageError("%w", err)
	}
	return path, nil
}

func (p *Program) witnessRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME",
		Short: "Show the trail to a witness no longer",
		Long: `Takes a witness out of the file of witnesses. What it gave stays in the trail; but
"whodid verify" counts only the witnesses of the file.`,
		Example: `  whodid witness remove w1`,
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			file, err := p.witnessFile()
			if err != nil {
				return err
			}
			there, err := file.Remove(file.path, args[0])
			if err != nil {
				return err
			}
			if !there {
				return withHint(usageError("there is no witness %q", args[0]), "see: whodid witness list")
			}
			if p.json {
				return p.printJSON(witnessAdded{File: file.path, Quorum: file.Quorum, Witness: args[0]})
			}
			p.out().Printf("%s is no witness any more\n", args[0])
			return nil
		},
	}
}

// witnessEvidence is the answer of "witness show".
type witnessEvidence struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"`
	Root   string `json:"root"`
	// Checkpoint is the signed note with all cosignatures of it that are kept.
	Checkpoint string `json:"checkpoint"`
	// Witnesses are whose they are.
	Witnesses []string `json:"witnesses"`
}

func (p *Program) witnessShowCommand() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:   "show",
		Short: "Print the last witnessed checkpoint, with its cosignatures",
		Long: `Prints the signed note of the last checkpoint that a C2SP witness cosigned, with
all cosignatures of it: everybody who knows the keys of the log and the witnesses
can check it, with tools of others too.`,
		Example: `  whodid witness show
  whodid witness show --witness w1 --json | jq -r .checkpoint`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := p.openToAsk(c.Context())
			if err != nil {
				return err
			}
			defer t.close()
			file, err := p.witnessFile()
			if err != nil {
				return err
			}
			var names []string
			if name != "" {
				names = []string{name}
			}
			places, err := file.named(p.org, names)
			if err != nil {
				return err
			}
			shown, err := p.lastCosigned(c.Context(), t, places)
			if err != nil {
				return err
			}
			if p.json {
				return p.printJSON(shown)
			}
			_, err = fmt.Fprint(p.Stdout, shown.Checkpoint)
			return err
		},
	}
	c.Flags().StringVar(&name, "witness", "", "the last checkpoint of the witness of this `NAME`")
	return c
}

// lastCosigned is the largest checkpoint that a witness of these cosigned, with all
// cosignatures of it.
func (p *Program) lastCosigned(ctx context.Context, t *trail, places []witness.Place) (*witnessEvidence, error) {
	var last *store.Witnessed
	for i := range places {
		if places[i].Kind != witness.KindC2SP {
			continue
		}
		found, err := t.store.Witnessed(ctx, p.org, places[i].Name, 1)
		if err != nil {
			return nil, err
		}
		if len(found) > 0 && (last == nil || found[0].Size > last.Size) {
			last = &found[0]
		}
	}
	if last == nil {
		return nil, withHint(errors.New("no C2SP witness has cosigned a checkpoint of this trail"), "whodid witness push")
	}
	all, err := t.asker.Cosigned(ctx, last.Size)
	if err != nil {
		return nil, err
	}
	out := &witnessEvidence{Origin: all.Checkpoint.Origin, Size: all.Checkpoint.Size, Root: all.Checkpoint.Root.String(), Checkpoint: all.Signed, Witnesses: all.By}
	if !strings.Contains(out.Checkpoint, last.Evidence) {
		return nil, fmt.Errorf("the cosignature of %s is not of a checkpoint of this trail: whodid verify", last.Witness)
	}
	return out, nil
}
