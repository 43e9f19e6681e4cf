package dossier

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// Entry is one event of an answer, as far as it is disclosed.
type Entry struct {
	Index uint64        `json:"index"`
	Event *whodid.Event `json:"event"`
	// Withheld are the fields that are not disclosed, ErasedBy who erased them,
	// as the maker of the proof claims.
	Withheld []string `json:"withheld"`
	ErasedBy string   `json:"erased_by,omitempty"`
}

// Report is what a dossier shows to somebody who trusts what they trust.
type Report struct {
	Subject  Subject        `json:"subject"`
	Origin   string         `json:"origin"`
	TreeSize uint64         `json:"tree_size"`
	Verdicts proof.Verdicts `json:"verdicts"`
	// Events are those of the answer, in the order of the log; none if integrity
	// is refuted.
	Events []Entry `json:"events"`
	// Others is how many entries of others are there to show that none of them
	// belongs to the answer.
	Others int `json:"others"`
	// Context is what git tells; nothing proves it.
	Context json.RawMessage `json:"context,omitempty"`
}

// Check says what a dossier shows to somebody who trusts t, and nothing else.
func Check(d *Dossier, t *Trust) *Report {
	c := &checker{Dossier: d, trust: t}
	r := &Report{Subject: d.Subject, Origin: d.Origin, Events: []Entry{}}
	r.Verdicts.Integrity = c.integrity()
	if r.Verdicts.Integrity.State == proof.Refuted {
		not := proof.Verdict{State: proof.NotShown, Detail: "nothing in this proof can be relied on: its integrity is refuted"}
		r.Verdicts.Completeness, r.Verdicts.Authorship, r.Verdicts.Time, r.Verdicts.Approval = not, not, not, not
		return r
	}
	r.TreeSize, r.Context = c.checkpoint.Size, d.Context
	r.Verdicts.Completeness = c.everybodySees(c.completeness())
	r.Verdicts.Authorship = c.authorship()
	r.Verdicts.Time = c.time()
	r.Verdicts.Approval = c.approval()
	for i := range c.entries {
		if c.entries[i].answer {
			r.Events = append(r.Events, c.entries[i].Entry)
		} else {
			r.Others++
		}
	}
	return r
}

// entry is a leaf that was opened.
type entry struct {
	Entry
	answer bool // it is an event of the answer
}

func (e *entry) withheld(field string) bool { return slices.Contains(e.Withheld, field) }

type checker struct {
	*Dossier
	trust      *Trust
	checkpoint proof.Checkpoint
	trusted    bool
	entries    []entry // ascending by index
}

func refuted(format string, args ...any) proof.Verdict {
	return proof.Verdict{State: proof.Refuted, Detail: fmt.Sprintf(format, args...)}
}

func notShown(format string, args ...any) proof.Verdict {
	return proof.Verdict{State: proof.NotShown, Detail: fmt.Sprintf(format, args...)}
}

func conditional(format string, args ...any) proof.Verdict {
	return proof.Verdict{State: proof.Conditional, Detail: fmt.Sprintf(format, args...)}
}

func (c *checker) integrity() proof.Verdict {
	if err := c.open(); err != nil {
		return refuted("%v", err)
	}
	if err := c.read(); err != nil {
		return refuted("%v", err)
	}
	if err := c.isAbout(); err != nil {
		return refuted("%v", err)
	}
	shown := fmt.Sprintf("%s of the log %s, whose checkpoint of %d entries", counted(len(c.entries), "entry is", "entries are"), c.Origin, c.checkpoint.Size)
	rest := c.tied() + c.redacted()
	if !c.trusted {
		return conditional("%s is signed by the key that the proof names; whether that is the log's key, only the proof says%s", shown, rest)
	}
	return proof.Verdict{State: proof.Proved, Detail: shown + " is signed by the trusted key" + rest}
}

// open opens the checkpoint, with a trusted key if there is one of that log.
func (c *checker) open() error {
	checkpoint, err := c.trust.Keys.Open(c.Checkpoint)
	c.trusted = err == nil
	if errors.Is(err, proof.ErrUntrusted) {
		checkpoint, err = proof.OpenCheckpoint(c.Checkpoint, c.PublicKey)
	}
	switch {
	case err != nil:
		return err
	case checkpoint.Origin != c.Origin:
		return fmt.Errorf("the proof names the log %q, its checkpoint the log %q", short(c.Origin), short(checkpoint.Origin))
	}
	for _, seen := range c.trust.Seen {
		if seen.Origin == checkpoint.Origin && seen.Size == checkpoint.Size && seen.Root != checkpoint.Root {
			return fmt.Errorf("the log signed two trees of %d entries: this checkpoint and the one that you know", seen.Size)
		}
	}
	c.checkpoint = checkpoint
	return nil
}

// read checks that the leaves are in the tree, and opens them.
func (c *checker) read() error {
	if len(c.Entries) == 0 {
		return errors.New("there are no entries of the log in it")
	}
	var end uint64
	ids := map[string]uint64{}
	answer := make(map[uint64]bool, len(c.Events))
	for i, index := range c.Events {
		if i > 0 && index <= c.Events[i-1] {
			return errors.New("its list of events is not in the order of the log")
		}
		answer[index] = true
	}
	known := 0
	for i := range c.Entries {
		r := &c.Entries[i]
		if i > 0 && r.First < end {
			return fmt.Errorf("the entries from %d on are not in the order of the log", r.First)
		}
		hashes := make([]proof.Hash, len(r.Leaves))
		for j, leaf := range r.Leaves {
			hashes[j] = proof.LeafHash([]byte(leaf))
		}
		root, err := r.Root(c.checkpoint.Size, hashes)
		if err != nil {
			return err
		}
		if root != c.checkpoint.Root {
			return fmt.Errorf("the entries from %d on are not in the tree that was signed", r.First)
		}
		end = r.First + uint64(len(r.Leaves))
		for j, leaf := range r.Leaves {
			index := r.First + uint64(j)
			e, withheld, err := proof.OpenLeaf([]byte(leaf), c.Disclosed[index])
			if err != nil {
				return fmt.Errorf("entry %d: %w", index, err)
			}
			if other, twice := ids[e.ID]; twice {
				return fmt.Errorf("entries %d and %d are the same event", other, index)
			}
			ids[e.ID] = index
			if len(c.entries) > 0 && c.entries[0].Event.Org != e.Org {
				return fmt.Errorf("entry %d is of the organisation %q, others are of %q", index, short(e.Org), short(c.entries[0].Event.Org))
			}
			if withheld == nil {
				withheld = []string{}
			}
			if c.Disclosed[index] != nil || answer[index] {
				known++
			}
			c.entries = append(c.entries, entry{Entry: Entry{Index: index, Event: &e, Withheld: withheld, ErasedBy: c.ErasedBy[index]}, answer: answer[index]})
		}
	}
	for index := range c.Disclosed {
		answer[index] = true
	}
	if known != len(answer) {
		return errors.New("it tells of events whose entries it does not hold")
	}
	return nil
}

// isAbout checks that the events are of the subject, as far as leaves tell.
func (c *checker) isAbout() error {
	var about func(e *entry) bool
	switch s := c.Subject; s.Kind {
	case OfEvent:
		about = func(e *entry) bool { return e.Event.ID == s.ID }
	case OfExecution:
		about = func(e *entry) bool { return e.Event.Execution == s.ID }
	case OfCommit, OfPullRequest, OfLine:
		return nil // for the values to say
	case OfIncident:
		for i := range c.entries {
			if e := &c.entries[i]; e.answer && !c.ofIncident(e) {
				return fmt.Errorf("entry %d is not of the incident", e.Index)
			}
		}
		about = func(e *entry) bool { return e.Event.ID == s.ID && e.Event.What == "incident.open" }
	case OfPeriod, OfReport:
		from, to, err := s.period()
		if err != nil {
			return err
		}
		for i := range c.entries {
			switch e := &c.entries[i]; {
			case !e.answer || within(s.when(e.Event), from, to) || partOf(e.Event.What) != "", whodid.IsPasskey(e.Event.What): // a part of an approval and the key that signed it may be of before
			case s.Kind == OfReport:
				return fmt.Errorf("entry %d did not happen in the time of the report", e.Index)
			default:
				return fmt.Errorf("entry %d was not recorded in the period", e.Index)
			}
		}
		return nil
	default:
		return fmt.Errorf("it is about a %q, which is not known", short(s.Kind))
	}
	for i := range c.entries {
		if c.entries[i].answer && about(&c.entries[i]) {
			return nil
		}
	}
	return fmt.Errorf("no event in it is of the %s %q, which it claims to be about", c.Subject.Kind, short(c.Subject.ID))
}

// ofIncident tells whether an entry is a link of the incident's chain of custody,
// as far as it is disclosed.
func (c *checker) ofIncident(e *entry) bool {
	switch {
	case strings.HasPrefix(e.Event.What, "hold."):
		return true
	case !strings.HasPrefix(e.Event.What, "incident."):
		return false
	default:
		return e.Event.ID == c.Subject.ID || e.withheld(proof.FieldTarget) || e.Event.Target == c.Subject.ID
	}
}

func (s *Subject) period() (from, to time.Time, err error) {
	if from, err = time.Parse(time.RFC3339Nano, s.From); err == nil {
		to, err = time.Parse(time.RFC3339Nano, s.To)
	}
	if err != nil || !from.Before(to) {
		return from, to, fmt.Errorf("%q to %q is no period", short(s.From), short(s.To))
	}
	return from, to, nil
}

// when is the time of an event that counts: for a report the one at which it
// happened.
func (s *Subject) when(e *whodid.Event) time.Time {
	if s.Kind == OfReport {
		return e.At
	}
	return e.RecordedAt
}

// within tells whether t is in a period, whose end is not.
func within(t, from, to time.Time) bool { return !t.Before(from) && t.Before(to) }

// tied says what ties the events to a subject that only git knows, to go on after a
// sentence: an entry that names it, or nothing that is proved.
func (c *checker) tied() string {
	var names func(e *whodid.Event) bool
	switch s := c.Subject; s.Kind {
	case OfCommit:
		names = func(e *whodid.Event) bool { return e.Target == s.ID || e.Data.String("sha") == s.ID }
	case OfPullRequest:
		names = func(e *whodid.Event) bool { return strings.EqualFold(e.Target, s.ID) }
	case OfLine:
		file := s.ID[:max(0, strings.LastIndexByte(s.ID, ':'))]
		names = func(e *whodid.Event) bool { return e.Target == file || strings.HasSuffix(e.Target, "/"+file) }
	default:
		return ""
	}
	for i := range c.entries {
		if e := &c.entries[i]; c.Subject.ID != "" && e.answer && names(e.Event) {
			return fmt.Sprintf("; entry %d names %s", e.Index, short(c.Subject.ID))
		}
	}
	return "; that they are behind this " + strings.ReplaceAll(c.Subject.Kind, "_", " ") + " git tells, and no entry that is disclosed"
}

// redacted says what is not disclosed of the answer's events, to go on after a
// sentence.
func (c *checker) redacted() string {
	var hidden, erased []string
	for i := range c.entries {
		e := &c.entries[i]
		switch {
		case !e.answer:
		case c.ErasedBy[e.Index] != "" && len(e.Withheld) > 0:
			erased = append(erased, e.ErasedBy)
		default:
			hidden = append(hidden, e.Withheld...)
		}
	}
	var out string
	if len(hidden) > 0 {
		out += "; not disclosed of some: " + plainly(hidden)
	}
	if n := len(erased); n > 0 {
		out += fmt.Sprintf("; the values of %s erased, by %s as the proof claims (the log keeps commitments to them)", counted(n, "one were", "were"), plainly(erased))
	}
	return out
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + strings.TrimPrefix(one, "one ")
	}
	return fmt.Sprintf("%d %s", n, many)
}
