package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/term"
	"github.com/whodid/whodid/internal/uplink"
	"github.com/whodid/whodid/proof"
)

func (p *Program) verifyCommand() *cobra.Command {
	var key string
	var ask bool
	c := &cobra.Command{
		Use:     "verify",
		GroupID: "prove",
		Short:   "Check that the trail is what it was",
		Long: `Re-reads the whole trail as an outsider would: every event against its leaf, the
leaves against the tree, the tree against the signed checkpoint, the executions
against their events, and all of it against the checkpoints that were seen
before, by you (pinned whenever you ask), by git and by witnesses (see
"whodid witness"), as far as the trail keeps what they gave. --ask-witnesses asks
them, too: a trail that was put back to an older copy together with all that lies
beside it is found out.
The receipts of servers that the trail was sent to (see "whodid sync") are checked
too, without asking the servers.

It answers five questions apart, each proved, conditional, not shown or refuted.
Exit status 3 means that something is wrong; the rows are named.`,
		Example: `  whodid verify
  whodid verify --json | jq .verdicts
  whodid verify --ask-witnesses
  whodid verify --key 'whodid/abc+1f2e3d4c+Aa…'   # trust this key, not the one at hand`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			v, err := p.verify(c.Context(), key, ask)
			if err != nil {
				return err
			}
			if p.json {
				err = p.printJSON(v)
			} else {
				printVerification(p.out(), &v.Verification)
				printReceipts(p.out(), v.Receipts)
			}
			if err == nil && (v.Verdicts.Refuted() || len(v.Problems) > 0 || !receiptsHold(v.Receipts)) {
				return &exitError{code: ExitVerification}
			}
			return err
		},
	}
	c.Flags().StringVar(&key, "key", "", "the log's public key, as you know it from elsewhere")
	c.Flags().BoolVar(&ask, "ask-witnesses", false, "ask the C2SP witnesses what they have seen")
	return c
}

// verification is the answer of "verify".
type verification struct {
	ask.Verification
	// Receipts are what servers answered to "whodid sync", checked without
	// asking them: one for each server.
	Receipts []*uplink.Verified `json:"receipts"`
}

func (p *Program) verify(ctx context.Context, key string, askWitnesses bool) (*verification, error) {
	t, err := p.openStore(ctx)
	if err != nil {
		return nil, err
	}
	defer t.close()
	o, err := p.trust(ctx, t, key)
	if err != nil {
		return nil, err
	}
	file, err := p.witnessFile()
	if err != nil {
		return nil, err
	}
	o.Quorum = file.Quorum
	if askWitnesses {
		if o.Refusals, err = p.askWitnesses(ctx, t, file); err != nil {
			return nil, err
		}
	}
	if o.Sightings, err = p.sightings(ctx, t, file); err != nil {
		return nil, err
	}
	if o.Signature, err = p.signatures(); err != nil {
		return nil, err
	}
	o.Progress, o.Step = p.progress("verifying"), p.comparing()
	v, err := t.asker.Verify(ctx, o)
	if err != nil {
		return nil, err
	}
	out := &verification{Verification: *v}
	if out.Receipts, err = p.checkReceipts(ctx, t); err != nil {
		return nil, err
	}
	if t.recorder != nil && len(v.Problems) == 0 {
		return out, p.pin(ctx, t)
	}
	return out, nil
}

// checkReceipts checks the receipts of the trail that lie on this machine.
func (p *Program) checkReceipts(ctx context.Context, t *trail) ([]*uplink.Verified, error) {
	out := []*uplink.Verified{}
	kept, err := uplink.Kept(ctx, t.store, p.org, syncDir(t))
	if errors.Is(err, store.ErrNoLog) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	for _, u := range kept {
		v, err := u.Verify(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func receiptsHold(receipts []*uplink.Verified) bool {
	for _, r := range receipts {
		if len(r.Problems) > 0 {
			return false
		}
	}
	return true
}

func printReceipts(o *term.Output, receipts []*uplink.Verified) {
	for _, r := range receipts {
		prove, wait := "prove", "wait"
		if r.Receipts == 1 {
			prove = "proves"
		}
		if r.Waiting == 1 {
			wait = "waits"
		}
		o.Printf("\n%s of %s %s that its log holds %s of this trail; %d %s to be sent\n",
			term.Count(int64(r.Receipts), "receipt"), r.Server, prove, term.Count(int64(r.Proved), "event"), r.Waiting, wait)
		for _, problem := range r.Problems {
			o.Printf("  PROBLEM %s\n", term.Clean(problem))
		}
	}
}

// trust decides by which key the trail is judged: the one given, else the one
// that signs at hand, else the one that was pinned. It takes in what waits if
// the trail can be written to with the key at hand; if it can't, that is a
// finding and no reason to stop.
func (p *Program) trust(ctx context.Context, t *trail, key string) (ask.VerifyOptions, error) {
	var o ask.VerifyOptions
	signing, _ := t.place.Keys(p.org)
	err := p.openPen(ctx, t)
	switch {
	case err == nil:
		if _, err := p.drain(ctx, t); err != nil {
			fmt.Fprintf(p.Stderr, "whodid: %v\n", err)
		}
		o.TrustedKey, o.KeyFrom = t.ring.Public, signing
	case errors.Is(err, ledger.ErrForeignKey):
		o.TrustedKey, o.KeyFrom = t.ring.Public, signing
	case errors.Is(err, errNoKey):
		if pinned, ok, err := t.pins.Get(t.pinName(p.org)); err == nil && ok {
			o.TrustedKey, o.KeyFrom = pinned.PublicKey, "the pin of "+pinned.SeenAt.Format(time.DateOnly)
		}
	default:
		return o, err
	}
	waiting, err := t.spool.Waiting()
	if err != nil {
		return o, err
	}
	o.Waiting = waiting.Records
	if key != "" {
		if _, err := proof.ParseKeys(key); err != nil {
			return o, usageError("--key: %w", err)
		}
		o.TrustedKey, o.KeyFrom = strings.TrimSpace(key), "--key"
	}
	return o, nil
}

// progress reports long work on a terminal's standard error.
func (p *Program) progress(doing string) func(done, total uint64) {
	f := p.errorTerminal()
	if f == nil {
		return nil
	}
	last := p.Now()
	return func(done, total uint64) {
		now := p.Now()
		if now.Sub(last) < 200*time.Millisecond && done < total {
			return
		}
		last = now
		fmt.Fprintf(f, "\r%s %d of %d events\x1b[K", doing, done, total)
		if done >= total {
			fmt.Fprint(f, "\r\x1b[K")
		}
	}
}

// comparing reports with what events are compared.
func (p *Program) comparing() func(what string) {
	f := p.errorTerminal()
	if f == nil {
		return nil
	}
	return func(what string) {
		if what != "" {
			what = "comparing " + what + " with the events"
		}
		fmt.Fprintf(f, "\r%s\x1b[K", what)
	}
}

// errorTerminal is standard error where somebody looks at it, else nil.
func (p *Program) errorTerminal() *os.File {
	f, ok := p.Stderr.(*os.File)
	if !ok || p.json {
		return nil
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return f
}

func printVerification(o *term.Output, v *ask.Verification) {
	styles := map[proof.State]term.Style{proof.Proved: term.Green, proof.Conditional: term.Yellow, proof.Refuted: term.Red}
	fact := func(name string, verdict proof.Verdict) term.Fact {
		text := strings.ToUpper(string(verdict.State)) + ": " + verdict.Detail
		return term.Fact{Name: name, Cell: term.Cell{Text: text, Style: styles[verdict.State]}}
	}
	o.Facts(
		fact("Integrity", v.Verdicts.Integrity),
		fact("Completeness", v.Verdicts.Completeness),
		fact("Authorship", v.Verdicts.Authorship),
		fact("Time", v.Verdicts.Time),
		fact("Approval", v.Verdicts.Approval),
	)
	o.Printf("\n")
	facts := []term.Fact{
		{Name: "Log", Cell: term.Cell{Text: v.Origin}},
		{Name: "Events", Cell: term.Cell{Text: strconv.FormatUint(v.TreeSize, 10)}},
		{Name: "Root", Cell: term.Cell{Text: v.Root}},
	}
	for _, s := range v.Witnesses {
		text, style := "goes on from", term.Plain
		if !s.Holds {
			text, style = "DOES NOT go on from", term.Red
		}
		seen := s.SeenAt
		facts = append(facts, term.Fact{Name: "Seen by " + s.Witness, Cell: term.Cell{
			Text: fmt.Sprintf("%s the %d events of %s", text, s.Size, o.Moment(&seen)), Style: style,
		}})
	}
	o.Facts(facts...)
	if len(v.Problems) == 0 {
		return
	}
	o.Printf("\n%s\n", term.Count(int64(len(v.Problems)+v.MoreProblems), "problem"))
	problems := make([]term.Fact, len(v.Problems))
	for i, p := range v.Problems {
		where := p.EventID + " " + p.ExecutionID + " "
		if p.Seq != nil {
			where = fmt.Sprintf("#%d ", *p.Seq) + where
		}
		problems[i] = term.Fact{Name: p.Kind, NameStyle: term.Red, Cell: term.Cell{Text: strings.TrimLeft(where, " ") + p.Detail}}
	}
	o.Facts(problems...)
}
