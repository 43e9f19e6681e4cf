package proof

import (
	"slices"
	"strconv"
	"time"
)

// Quorum says which of a list of witnesses must have cosigned a checkpoint: so many of
// them, or as groups of a [Policy] say. The zero value asks for none.
type Quorum struct {
	words   string
	need    int      // of the members; 1 of a witness
	members []Quorum // nil of a witness
	witness int      // its place in the list
}

// AtLeast asks for any n of a list of so many witnesses.
func AtLeast(n, of int) Quorum {
	q := Quorum{words: strconv.Itoa(n), need: n}
	for i := range of {
		q.members = append(q.members, Quorum{need: 1, witness: i})
	}
	return q
}

// None reports whether it asks for no witness.
func (q *Quorum) None() bool { return q.need == 0 }

// String says in a word what is asked for.
func (q *Quorum) String() string { return q.words }

// Met reports whether those who have cosigned, by their places in the list, suffice.
func (q *Quorum) Met(cosigned func(witness int) bool) bool {
	if q.members == nil {
		return q.None() || cosigned(q.witness)
	}
	n := 0
	for i := range q.members {
		if q.members[i].Met(cosigned) {
			n++
		}
	}
	return n >= q.need
}

// By is the moment at which those sufficed who had cosigned by then; ok is false if
// none are asked for, or all together don't suffice.
func (q *Quorum) By(cosigned map[int]time.Time) (at time.Time, ok bool) {
	if q.None() {
		return at, false
	}
	times := make([]time.Time, 0, len(cosigned))
	for _, t := range cosigned {
		times = append(times, t)
	}
	slices.SortFunc(times, time.Time.Compare)
	for _, t := range times {
		if q.Met(func(i int) bool { seen, there := cosigned[i]; return there && !seen.After(t) }) {
			return t, true
		}
	}
	return at, false
}
