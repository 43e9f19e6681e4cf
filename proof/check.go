package proof

import (
	"errors"
	"fmt"
	"strings"

	"github.com/whodid/whodid"
)

// Check says what a bundle shows to somebody who trusts the keys, and nothing
// else. It takes no more time than the bundle has bytes.
func Check(b *Bundle, trusted Keys) Verdicts { return CheckSigned(b, trusted, nil) }

// CheckSigned is [Check] for somebody who also knows whose signatures count.
func CheckSigned(b *Bundle, trusted Keys, signature Signature) Verdicts {
	integrity, event := checkIntegrity(b, trusted)
	if integrity.State == Refuted {
		const nothing = "nothing in this bundle can be relied on: its integrity is refuted"
		not := Verdict{NotShown, nothing}
		return Verdicts{Integrity: integrity, Completeness: not, Authorship: not, Time: not, Approval: not}
	}
	return Verdicts{
		Integrity: integrity,
		Completeness: Verdict{
			NotShown,
			"one event says nothing about the others; only a verification of the whole log can",
		},
		Authorship: authorship(b, event),
		Time: Verdict{
			Conditional,
			fmt.Sprintf("it happened at %s by the clock of its source and was recorded at %s by the clock of the trail; no witness confirms either",
				whodid.FormatTime(event.At), whodid.FormatTime(event.RecordedAt)),
		},
		Approval: judgeApproval(b, event, trusted, integrity.State, signature),
	}
}

func checkIntegrity(b *Bundle, trusted Keys) (Verdict, *whodid.Event) {
	refuted := func(format string, args ...any) (Verdict, *whodid.Event) {
		return Verdict{Refuted, fmt.Sprintf(format, args...)}, nil
	}
	if b.Format != BundleFormat {
		return refuted("the format %q is not known", short(b.Format))
	}
	checkpoint, err := trusted.Open(b.Checkpoint)
	isTrusted := err == nil
	if errors.Is(err, ErrUntrusted) {
		checkpoint, err = OpenCheckpoint(b.Checkpoint, b.PublicKey)
	}
	if err != nil {
		return refuted("%v", err)
	}
	if checkpoint.Origin != b.Origin || checkpoint.Size != b.TreeSize {
		return refuted("the bundle names the log %q of size %d, its checkpoint the log %q of size %d",
			short(b.Origin), b.TreeSize, short(checkpoint.Origin), checkpoint.Size)
	}
	if err := CheckInclusion(b.Inclusion, checkpoint.Size, checkpoint.Root, b.Index, LeafHash([]byte(b.Leaf))); err != nil {
		return refuted("%v", err)
	}
	event, err := b.Event()
	if err != nil {
		return refuted("%v", err)
	}
	shown := fmt.Sprintf("it is entry %d of the log %s, whose checkpoint of %d entries", b.Index, checkpoint.Origin, checkpoint.Size)
	rest := withheld(b)
	if !isTrusted {
		return Verdict{Conditional, shown + " is signed by the key that the bundle names; " +
			"whether that is the log's key, only the bundle says" + rest}, &event
	}
	return Verdict{Proved, shown + " is signed by the trusted key" + rest}, &event
}

// withheld says what the bundle does not disclose, and why, to go on after a
// sentence.
func withheld(b *Bundle) string {
	fields := strings.Join(b.Withheld(), ", ")
	switch {
	case fields == "":
		return ""
	case b.ErasedBy != "":
		return fmt.Sprintf("; erased, by %s as the bundle claims: %s (the log keeps commitments to the values)", short(b.ErasedBy), fields)
	default:
		return "; not disclosed: " + fields
	}
}

func authorship(b *Bundle, e *whodid.Event) Verdict {
	if e.Actor == "" {
		what := "not disclosed"
		if b.ErasedBy != "" {
			what = "erased"
		}
		return Verdict{NotShown, "the actor is a person whose pseudonym is " + what}
	}
	detail := fmt.Sprintf("%s acted, if its source %s can be trusted", e.Actor, e.Source)
	if e.ActorAuth == "" {
		detail += "; nobody authenticated the actor"
	} else {
		detail += fmt.Sprintf(" and the actor was rightly authenticated by %s", e.ActorAuth)
	}
	if e.OnBehalfOf != "" {
		detail += ", on behalf of " + e.OnBehalfOf
		if e.OnBehalfAuth == "" {
			detail += " (not authenticated)"
		} else {
			detail += fmt.Sprintf(" (authenticated by %s)", e.OnBehalfAuth)
		}
	}
	return Verdict{Conditional, detail}
}
