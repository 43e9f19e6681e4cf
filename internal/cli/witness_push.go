package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/git"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/term"
	"github.com/whodid/whodid/internal/witness"
	"github.com/whodid/whodid/proof"
)

// witnessPushed is the answer of "witness push".
type witnessPushed struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"`
	Root   string `json:"root"`
	// Witnesses are how it went, one for each.
	Witnesses []witnessShown `json:"witnesses"`
}

// witnessShown is how it went with one witness.
type witnessShown struct {
	Witness string `json:"witness"`
	Kind    string `json:"kind"`
	// Size is that of the tree that the witness has seen, SeenAt when it saw it.
	Size   uint64     `json:"size"`
	SeenAt *time.Time `json:"seen_at"`
	// New is false if it had seen all that there is to see.
	New bool `json:"new"`
	// Refused says that the witness saw another trail than this one, Error what
	// went wrong.
	Refused bool   `json:"refused"`
	Error   string `json:"error,omitempty"`

	err error
}

func (p *Program) witnessPushCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "push [NAME...]",
		Short: "Show the trail's head to the witnesses",
		Long: `Shows the signed head of the trail to the witnesses of the file, or to those that
are named, and keeps what they give for it. A witness is only asked again when
something was recorded since. The server does the same by itself; on a laptop, let
a timer or a hook of git do it.

A witness that saw another trail than this one says so: exit status 3. One that
can't be reached is tried again the next time: exit status 1.`,
		Example: `  whodid witness push
  whodid witness push w1 --json | jq '.witnesses[] | select(.refused)'`,
		Args: arguments(cobra.ArbitraryArgs),
		RunE: func(c *cobra.Command, names []string) error {
			file, err := p.witnessFile()
			if err != nil {
				return err
			}
			places, err := file.named(p.org, names)
			if err != nil {
				return err
			}
			if len(places) == 0 {
				return withHint(errors.New("there is no witness to show the trail to"), "whodid witness add NAME --url URL --key KEY, or: whodid witness git")
			}
			t, err := p.open(c.Context())
			if err != nil {
				return err
			}
			defer t.close()
			pushed, err := p.showerOf(t).push(c.Context(), places)
			if err != nil {
				return err
			}
			if p.json {
				err = p.printJSON(pushed)
			} else {
				err = printPushed(p.out(), pushed)
			}
			if err != nil {
				return err
			}
			return pushed.failure()
		},
	}
	return c
}

// failure is the exit status, for the answer says what went wrong.
func (w *witnessPushed) failure() error {
	code := ExitOK
	for i := range w.Witnesses {
		switch {
		case w.Witnesses[i].Refused:
			return &exitError{code: ExitVerification}
		case w.Witnesses[i].err != nil:
			code = ExitError
		}
	}
	if code == ExitOK {
		return nil
	}
	return &exitError{code: code}
}

func printPushed(o *term.Output, w *witnessPushed) error {
	t := o.Table(term.Column{Title: "WITNESS", Whole: true}, term.Column{Title: "KIND", Whole: true}, term.Column{Title: "EVENTS", Right: true, Whole: true},
		term.Column{Title: "SEEN", Whole: true}, term.Column{Title: "RESULT"})
	for i := range w.Witnesses {
		s := &w.Witnesses[i]
		result := term.Cell{Text: "witnessed", Style: term.Green}
		switch {
		case s.Refused:
			result = term.Cell{Text: "REFUSED: " + s.Error, Style: term.Red}
		case s.Error != "":
			result = term.Cell{Text: s.Error, Style: term.Yellow}
		case !s.New:
			result = term.Cell{Text: "nothing new"}
		}
		t.Row(term.Text(s.Witness), term.Text(s.Kind), term.Int(int64(s.Size)), seenCell(o, s.SeenAt), result)
	}
	return t.Write()
}

// shower shows the heads of one organisation's log to witnesses.
type shower struct {
	store  *store.Store
	org    string
	record func(ctx context.Context, events ...whodid.Event) error
	now    func() time.Time
	client *http.Client
}

// showerOf shows the heads of the trail that is open.
func (p *Program) showerOf(t *trail) *shower {
	return &shower{store: t.store, org: p.org, now: p.Now, client: witness.NewHTTP(), record: func(ctx context.Context, events ...whodid.Event) error {
		_, err := t.recorder.Record(ctx, events...)
		return err
	}}
}

// push shows the head to each witness that has not seen it, and keeps what they
// give. What goes wrong with one witness is in the answer, and keeps none of the
// others from it.
func (s *shower) push(ctx context.Context, places []witness.Place) (*witnessPushed, error) {
	head, err := s.head(ctx)
	if err != nil {
		return nil, err
	}
	states, err := s.store.WitnessStates(ctx, s.org)
	if err != nil {
		return nil, err
	}
	known := map[string]store.WitnessState{}
	for _, state := range states {
		known[state.Name] = state
	}
	out := &witnessPushed{Origin: head.Checkpoint.Origin, Size: head.Checkpoint.Size, Root: head.Checkpoint.Root.String(), Witnesses: []witnessShown{}}
	var told []whodid.Event
	for i := range places {
		shown, event, err := s.show(ctx, &places[i], head, known[places[i].Name])
		if err != nil {
			return nil, err
		}
		out.Witnesses = append(out.Witnesses, *shown)
		if event != nil {
			told = append(told, *event)
		}
	}
	if len(told) == 0 {
		return out, nil
	}
	return out, s.record(ctx, told...)
}

// head reads where the log stands.
func (s *shower) head(ctx context.Context) (witness.Head, error) {
	log, err := s.store.Log(ctx, s.org)
	if err != nil {
		return witness.Head{}, err
	}
	head, err := s.store.Head(ctx, s.org)
	if err != nil {
		return witness.Head{}, err
	}
	checkpoint, err := proof.OpenCheckpoint(head.Checkpoint, log.PublicKey)
	return witness.Head{Signed: head.Checkpoint, Checkpoint: checkpoint, Tiles: s.store.Tiles(ctx, s.org)}, err
}

// show shows the head to one witness. It returns what is to be recorded of it, or
// nil; the error is only one of the trail's own.
func (s *shower) show(ctx context.Context, p *witness.Place, head witness.Head, state store.WitnessState) (*witnessShown, *whodid.Event, error) {
	shown := &witnessShown{Witness: p.Name, Kind: p.Kind}
	last, err := s.store.Witnessed(ctx, s.org, p.Name, 1)
	if err != nil {
		return nil, nil, err
	}
	for i := range last {
		shown.Size, shown.SeenAt = last[i].Size, &last[i].SeenAt
	}
	if len(last) > 0 && state.Failures == 0 {
		if news, err := s.newsSince(ctx, last[0].Size, head.Checkpoint.Size); err != nil || !news {
			return shown, nil, err
		}
	}
	given, err := s.ask(ctx, p, head, state.Size)
	if errors.Is(err, witness.ErrRolledBack) {
		// Another process may have recorded meanwhile, and shown what it recorded.
		if now, again := s.head(ctx); again == nil && now.Checkpoint.Size > head.Checkpoint.Size {
			head = now
			given, err = s.ask(ctx, p, head, state.Size)
		}
	}
	if err != nil {
		shown.err, shown.Error, shown.Refused = err, err.Error(), witness.Refused(err)
		return shown, nil, s.store.FailWitness(ctx, s.org, p.Name, shown.Error, shown.Refused, s.now())
	}
	c := head.Checkpoint
	given.Witness, given.Kind, given.Size, given.Checkpoint = p.Name, p.Kind, c.Size, head.Signed
	if err := s.store.KeepWitnessed(ctx, s.org, given, s.now()); err != nil {
		return nil, nil, err
	}
	shown.Size, shown.SeenAt, shown.New = c.Size, &given.SeenAt, true
	event := &whodid.Event{
		Key: fmt.Sprintf("witness/%s/%d/%x", p.Name, c.Size, c.Root[:8]), Actor: whodid.System, What: "checkpoint.witness", At: s.now(), Source: "cli",
		Data: whodid.Data{"witness": p.Name, "size": int64(c.Size), "root": hex.EncodeToString(c.Root[:]), "ref": p.URL},
	}
	if p.Kind == witness.KindGit {
		event.Key, event.Data["ref"] = "witness/git/"+given.Evidence, given.Evidence
	}
	return shown, event, nil
}

// ask has a witness vouch for the head.
func (s *shower) ask(ctx context.Context, p *witness.Place, head witness.Head, old uint64) (*store.Witnessed, error) {
	switch p.Kind {
	case witness.KindC2SP:
		client := witness.Client{URL: p.URL, Key: p.Cosigner(), HTTP: s.client, Sleep: pause}
		c, err := client.Cosign(ctx, head, old)
		if err != nil {
			return nil, err
		}
		return &store.Witnessed{Evidence: c.Line, SeenAt: c.At}, nil
	case witness.KindTSA:
		roots, err := witness.Roots(p.RootsPEM())
		if err != nil {
			return nil, err
		}
		client := witness.StampClient{URL: p.URL, Roots: roots, HTTP: s.client, Now: s.now, Sleep: pause}
		stamped, err := client.Stamp(ctx, head.Signed)
		if err != nil {
			return nil, err
		}
		return &store.Witnessed{Evidence: stamped.Token, SeenAt: stamped.At}, nil
	case witness.KindGit:
		repo := git.In(p.Repository)
		commit, err := witness.InGit(ctx, repo, head.Checkpoint.Origin, head.Signed, s.now())
		if err == nil && p.Remote != "" {
			_, err = repo.Run(ctx, "push", "--quiet", p.Remote, witness.Ref+":"+witness.Ref)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", witness.ErrUnavailable, err)
		}
		return &store.Witnessed{Evidence: commit, SeenAt: s.now()}, nil
	default:
		return nil, fmt.Errorf("%w: there is no witness of the kind %q", witness.ErrUnavailable, p.Kind)
	}
}

// newsSince tells whether something was recorded since a witness saw the tree, but
// that witnesses saw it.
func (s *shower) newsSince(ctx context.Context, seen, size uint64) (bool, error) {
	const many = 64
	if seen >= size {
		return seen > size, nil // it saw a longer one: let it say so
	}
	if size-seen > many {
		return true, nil
	}
	rows, err := s.store.Events(ctx, s.org, store.EventFilter{AfterSeq: seen, Limit: many})
	if err != nil {
		return false, err
	}
	for i := range rows {
		if rows[i].What != "checkpoint.witness" {
			return true, nil
		}
	}
	return false, nil
}

// pause waits, unless the context ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
