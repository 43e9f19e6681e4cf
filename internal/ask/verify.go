package ask

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/witness"
	"github.com/whodid/whodid/proof"
)

// Verification is the answer to "is the trail what it was?".
type Verification struct {
	Verdicts proof.Verdicts `json:"verdicts"`
	Origin   string         `json:"origin"`
	TreeSize uint64         `json:"tree_size"`
	Root     string         `json:"root"`
	// Executions is how many were rebuilt from the events and compared.
	Executions int `json:"executions"`
	// Waiting is how many records of the spool the trail has not taken yet.
	Waiting int `json:"waiting"`
	// Gaps is how many things the trail itself knows to be missing.
	Gaps int64 `json:"gaps"`
	// Erased counts the events that lost values, by the request or policy that
	// took them. Their leaves are checked against the commitments that are left.
	Erased []ErasedBy `json:"erased"`
	// Swept is how many events were removed because their period was over. Their
	// hashes are in the tree.
	Swept uint64 `json:"swept"`
	// Sweeps are what removed them, in the order of the log.
	Sweeps []Sweep `json:"sweeps"`
	// Witnesses are the checkpoints that the trail was compared with.
	Witnesses []Witnessed `json:"witnesses"`
	// Quorum is how many C2SP witnesses must have cosigned, Cosigned how many events
	// the largest tree has that so many cosigned.
	Quorum   int    `json:"quorum"`
	Cosigned uint64 `json:"cosigned"`
	// Problems are everything that is wrong, at most MaxProblems of them.
	Problems []Problem `json:"problems"`
	// MoreProblems counts those left out.
	MoreProblems int `json:"more_problems"`
}

// ErasedBy is a request or policy that erased values, and of how many events.
type ErasedBy struct {
	By     string `json:"by"`
	Events int    `json:"events"`
}

// MaxProblems bounds how many problems are listed one by one.
const MaxProblems = 100

// Problem is one thing that is wrong, named by its row.
type Problem struct {
	// Kind is a fixed word: edited, missing, inserted, misfiled, tile, head,
	// key, view, rewritten, late.
	Kind        string  `json:"kind"`
	Seq         *uint64 `json:"seq"`
	EventID     string  `json:"event_id"`
	ExecutionID string  `json:"execution_id"`
	Detail      string  `json:"detail"`
}

// Witnessed is a checkpoint that somebody saw, and whether the trail still
// goes on from there.
type Witnessed struct {
	witness.Sighting
	Size  uint64 `json:"size"`
	Holds bool   `json:"holds"`
}

// VerifyOptions are what a verification rests on besides the trail.
type VerifyOptions struct {
	// TrustedKey is the log's public key as the asker knows it; KeyFrom says
	// from where, for people. Empty trusts the trail's own word, which makes
	// the verdict conditional.
	TrustedKey, KeyFrom string
	// Sightings are checkpoints that were seen. What vouches for them was checked
	// by the keys that the asker trusts.
	Sightings []witness.Sighting
	// Refusals are what witnesses said that were asked just now.
	Refusals []Refusal
	// Quorum is how many C2SP witnesses must have cosigned; 0 leaves what they say
	// beside the verdicts.
	Quorum int
	// Waiting is how many records are still in the spool.
	Waiting int
	// Signature says why the signature of a decision does not count; nil looks at
	// none.
	Signature proof.Signature
	// Progress is called now and then with how many events are done, and Step with
	// what is compared with them afterwards; empty is the end. Nil tells nobody.
	Progress func(done, total uint64)
	Step     func(comparing string)
}

// Verify checks every event, the tree over them, the signed head, the
// executions that were made of them, and that the trail goes on where
// witnesses saw it.
func (a *Asker) Verify(ctx context.Context, o VerifyOptions) (*Verification, error) {
	v, err := a.verifyInPeace(ctx, o)
	switch {
	case errors.Is(err, store.ErrDamaged), errors.Is(err, store.ErrNoLog) && len(o.Sightings) > 0:
		return unreadable(err, o), nil
	case errors.Is(err, store.ErrNoLog):
		return emptyVerification(), nil
	default:
		return v, err
	}
}

func (a *Asker) verify(ctx context.Context, o VerifyOptions) (*Verification, error) {
	log, err := a.store.Log(ctx, a.org)
	if err != nil {
		return nil, err
	}
	snapshot, err := a.store.Snapshot(ctx, a.org)
	if err != nil {
		return nil, err
	}
	defer snapshot.Close()
	c := &checker{
		Verification: Verification{Origin: log.Origin, TreeSize: snapshot.Head.Frontier.Size(), Waiting: o.Waiting, Erased: []ErasedBy{}, Sweeps: []Sweep{}, Witnesses: []Witnessed{}, Problems: []Problem{}},
		snapshot:     snapshot, progress: o.Progress, step: o.Step,
	}
	if c.step == nil {
		c.step = func(string) {}
	}
	defer c.step("")
	if err := c.readSweeps(ctx); err != nil {
		return nil, err
	}
	if err := c.checkLog(ctx); err != nil {
		return nil, err
	}
	if err := c.checkViews(ctx); err != nil {
		return nil, err
	}
	head := c.checkHead(log, o)
	c.checkWitnesses(ctx, log, head, o.Sightings)
	for _, r := range o.Refusals {
		c.problem(Problem{Kind: "rewritten", Detail: fmt.Sprintf("%s, when it was asked: %s", r.Witness, r.Detail)})
	}
	bounds, err := a.weigh(ctx, c, o.Quorum)
	if err != nil {
		return nil, err
	}
	if bounds.late != "" {
		c.problem(Problem{Kind: "late", Detail: bounds.late})
	}
	c.Quorum, c.Cosigned = o.Quorum, bounds.cosigned.size
	c.judge(o, bounds)
	if c.Verdicts.Approval, err = a.judgeApproval(ctx, c.named, o.Signature); err != nil {
		return nil, err
	}
	slices.SortStableFunc(c.Problems, func(x, y Problem) int { return int(place(x)) - int(place(y)) })
	return &c.Verification, nil
}

// unreadable is the verdict on a trail that can't be read as one.
func unreadable(err error, o VerifyOptions) *Verification {
	v := emptyVerification()
	kind := "head"
	if errors.Is(err, store.ErrNoLog) {
		kind = "rewritten"
		err = fmt.Errorf("the log is gone: %d checkpoints of it were seen", len(o.Sightings))
	}
	refuted := proof.Verdict{State: proof.Refuted, Detail: err.Error()}
	nothing := proof.Verdict{State: proof.NotShown, Detail: "nothing of this trail can be relied on"}
	v.Verdicts = proof.Verdicts{Integrity: refuted, Completeness: refuted, Authorship: nothing, Time: nothing, Approval: nothing}
	v.Waiting = o.Waiting
	v.Problems = []Problem{{Kind: kind, Detail: err.Error()}}
	for _, s := range o.Sightings {
		v.Witnesses = append(v.Witnesses, Witnessed{Sighting: s})
	}
	return v
}

// place sorts problems by row; those without one come first.
func place(p Problem) int64 {
	if p.Seq == nil {
		return -1
	}
	return int64(*p.Seq)
}

func emptyVerification() *Verification {
	nothing := proof.Verdict{State: proof.NotShown, Detail: "nothing has been recorded yet"}
	return &Verification{
		Verdicts: proof.Verdicts{Integrity: nothing, Completeness: nothing, Authorship: nothing, Time: nothing, Approval: nothing},
		Root:     proof.EmptyRoot().String(),
		Erased:   []ErasedBy{}, Sweeps: []Sweep{}, Witnesses: []Witnessed{}, Problems: []Problem{},
	}
}

// checkHead checks the signed checkpoint against the tree that the events
// make, and its key against the one that the asker trusts.
func (c *checker) checkHead(log store.Log, o VerifyOptions) proof.Checkpoint {
	key := log.PublicKey
	if o.TrustedKey != "" {
		if o.TrustedKey != log.PublicKey {
			c.problem(Problem{Kind: "key", Detail: fmt.Sprintf("the trail says that it is signed with %s, but the key known from %s is %s", log.PublicKey, o.KeyFrom, o.TrustedKey)})
		}
		key = o.TrustedKey
	}
	signed, err := proof.OpenCheckpoint(c.snapshot.Head.Checkpoint, key)
	if err != nil {
		c.problem(Problem{Kind: "head", Detail: err.Error()})
	}
	head := proof.Checkpoint{Origin: log.Origin, Size: c.TreeSize, Root: c.tree.Root()}
	c.Root = head.Root.String()
	if err == nil && (signed.Size != head.Size || signed.Root != head.Root) {
		c.problem(Problem{Kind: "head", Detail: fmt.Sprintf("the signed checkpoint is of %d events with root %s; the events that are there make %d with root %s", signed.Size, signed.Root, head.Size, head.Root)})
	}
	if err == nil && signed.Origin != log.Origin {
		// By its origin the log is looked up among what witnesses have seen.
		c.problem(Problem{Kind: "head", Detail: fmt.Sprintf("the trail says that its log is %q, and the signed checkpoint is that of %q", log.Origin, signed.Origin)})
	}
	if kept := c.snapshot.Head.Frontier.Root(); kept != head.Root {
		c.problem(Problem{Kind: "head", Detail: "the stored frontier is not that of the events"})
	}
	return head
}

// checkWitnesses compares the trail with what was seen of it.
func (c *checker) checkWitnesses(ctx context.Context, log store.Log, head proof.Checkpoint, seen []witness.Sighting) {
	for _, s := range seen {
		w := Witnessed{Sighting: s}
		if then, err := proof.PeekCheckpoint(s.Checkpoint); err == nil {
			w.Size = then.Size
		}
		err := witness.GoesOn(s, log.PublicKey, head, c.snapshot.Tiles(ctx))
		w.Holds = err == nil
		if err != nil {
			c.problem(Problem{Kind: "rewritten", Detail: fmt.Sprintf("%s (%s, seen %s): %v", s.Witness, s.Where, s.SeenAt.Format("2006-01-02 15:04:05Z"), err)})
		}
		c.Witnesses = append(c.Witnesses, w)
	}
}

// judge draws the five verdicts.
func (c *checker) judge(o VerifyOptions, b *witnessBounds) {
	v := &c.Verdicts
	v.Integrity = c.judgeIntegrity(o)
	v.Completeness = c.judgeCompleteness(o, b)
	v.Authorship = proof.Verdict{State: proof.Conditional, Detail: "actors are as the sources named them: hooks and commands of the users whom the operating system vouched for; no actor signs"}
	v.Time = c.judgeTime(b)
}

func (c *checker) judgeIntegrity(o VerifyOptions) proof.Verdict {
	wrong, rest := 0, ""
	for _, e := range c.Erased {
		rest += fmt.Sprintf("; values of %d were erased by request %s", e.Events, e.By)
	}
	if len(c.Erased) > 3 {
		n := 0
		for _, e := range c.Erased {
			n += e.Events
		}
		rest = fmt.Sprintf("; values of %d were erased by %d requests", n, len(c.Erased))
	}
	for kind, n := range c.kinds {
		if kind != "rewritten" && kind != "missing" && kind != "late" {
			wrong += n
		}
	}
	switch {
	case wrong > 0:
		return proof.Verdict{State: proof.Refuted, Detail: fmt.Sprintf("%d rows or seals are not what was signed", wrong)}
	case o.TrustedKey == "":
		return proof.Verdict{State: proof.Conditional, Detail: fmt.Sprintf("all %d events are under the signed checkpoint, if the key that the trail itself names is the right one%s", c.TreeSize, rest+c.saySwept())}
	default:
		return proof.Verdict{State: proof.Proved, Detail: fmt.Sprintf("all %d events and %d executions are what was signed; the key is known from %s%s", c.TreeSize-c.Swept, c.Executions, o.KeyFrom, rest+c.saySwept())}
	}
}

func (c *checker) judgeCompleteness(o VerifyOptions, b *witnessBounds) proof.Verdict {
	asked, ok := b.completeness(c.TreeSize)
	var largest uint64
	for _, w := range c.Witnesses {
		if w.Holds {
			largest = max(largest, w.Size)
		}
	}
	switch {
	case c.kinds["rewritten"] > 0:
		return proof.Verdict{State: proof.Refuted, Detail: "the trail was cut short, put back to an older copy or rewritten since it was seen"}
	case c.kinds["missing"] > 0:
		return proof.Verdict{State: proof.Refuted, Detail: fmt.Sprintf("%d events that were signed are missing", c.kinds["missing"])}
	case c.Gaps > 0 || o.Waiting > 0:
		return proof.Verdict{State: proof.Conditional, Detail: fmt.Sprintf("nothing that was signed is missing; the trail knows of %d gaps, and %d records wait in the spool", c.Gaps, o.Waiting)}
	case ok:
		return asked
	case len(c.Witnesses) == 0:
		return proof.Verdict{State: proof.Conditional, Detail: "nothing is missing under the head; that it is the newest head no witness confirms yet"}
	default:
		return proof.Verdict{State: proof.Conditional, Detail: fmt.Sprintf("nothing is missing under the head, which goes on from %d witnessed events; what no source told is not here", largest)}
	}
}

func (c *checker) judgeTime(b *witnessBounds) proof.Verdict {
	if b.late != "" {
		return proof.Verdict{State: proof.Refuted, Detail: b.late}
	}
	var detail strings.Builder
	detail.WriteString("times are those of the sources and of the trail's own clock")
	for i := range c.Witnesses {
		if w := &c.Witnesses[i]; w.Holds && w.Kind == witness.KindGit {
			fmt.Fprintf(&detail, "; git has seen the first %d events by %s", w.Size, w.SeenAt.Format("2006-01-02 15:04Z"))
			break
		}
	}
	by, whole := b.time(c.TreeSize)
	detail.WriteString(by)
	if c.backwards > 0 {
		fmt.Fprintf(&detail, "; the trail's clock went back %d times", c.backwards)
	}
	if whole && c.backwards == 0 && c.kinds["rewritten"] == 0 {
		return proof.Verdict{State: proof.Proved, Detail: detail.String()}
	}
	return proof.Verdict{State: proof.Conditional, Detail: detail.String()}
}
