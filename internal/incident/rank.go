// Package incident judges which run most probably caused an incident, and what of
// it was unusual. It is pure: it is handed what is known, and says why it thinks
// what it thinks, so that a person can think otherwise.
package incident

import (
	"cmp"
	"slices"
	"time"
)

// Clue is one thing that speaks for a run having caused an incident.
type Clue string

// The clues, the strongest first.
const (
	// Asked: the incident is about that run.
	Asked Clue = "asked"
	// Wrote: the trail saw it write what is asked about, before it was committed.
	Wrote Clue = "wrote"
	// Made: the trail saw it make the commit.
	Made Clue = "made_commit"
	// Deployed: it deployed in the time that is asked about.
	Deployed Clue = "deployed"
	// Named: the commit names it.
	Named Clue = "named"
	// Changed: it changed infrastructure, a schema, a secret or settings then.
	Changed Clue = "changed"
	// Rewritten: it made a commit that this one was rewritten from, that it
	// reverts, was picked from or merges.
	Rewritten Clue = "rewritten"
	// Shipped: a commit of it was deployed in that time.
	Shipped Clue = "commit_deployed"
	// Released: it brought the commit to where it did harm: it merged, released
	// or deployed it.
	Released Clue = "released"
	// Opened: it opened the pull request or pushed the branch.
	Opened Clue = "opened"
	// Before: it wrote the same file before.
	Before Clue = "wrote_before"
	// Then: it was at work at the time.
	Then Clue = "ran_then"
)

// weights say how much each clue counts.
var weights = map[Clue]int{
	Asked: 200, Wrote: 90, Made: 80, Deployed: 75, Named: 70, Changed: 65, Rewritten: 60, Shipped: 55, Released: 35, Opened: 30, Before: 15, Then: 5,
}

// Sure is how sure it is that a run caused an incident.
type Sure string

// The degrees of sureness. Only what two independent sources tell is sure.
const (
	Certain  Sure = "sure"
	Likely   Sure = "likely"
	Possible Sure = "possible"
	Weak     Sure = "weak"
)

// least is how sure a clue makes alone.
func least(c Clue) Sure {
	switch c {
	case Asked:
		return Certain
	case Wrote, Made, Deployed, Named, Rewritten:
		return Likely
	case Changed, Shipped, Released, Opened:
		return Possible
	case Before, Then:
		return Weak
	default:
		return Weak
	}
}

// Reason is a clue with what it rests on.
type Reason struct {
	Clue Clue `json:"clue"`
	// Detail says it in words.
	Detail string `json:"detail"`
	// At is when it was; null where that is not one moment.
	At *time.Time `json:"at"`
	// EventID is the event that tells it, Commit the commit; empty where none does.
	EventID string `json:"event_id"`
	Commit  string `json:"commit"`
	// Doubt says why it may not be so; empty if nothing speaks against it.
	Doubt string `json:"doubt"`
}

// Candidate is a run and what speaks for it.
type Candidate struct {
	Run     string
	Reasons []Reason
}

// Ranked is a candidate in its place.
type Ranked struct {
	Candidate
	Score int
	Sure  Sure
}

// Rank puts the candidates in order, the likeliest first. The strongest clue
// counts whole, the others a quarter; one that something speaks against counts
// half. Of equals the one whose strongest clue is the later one comes first: the
// last to write a line wrote it.
func Rank(candidates []Candidate) []Ranked {
	out := make([]Ranked, 0, len(candidates))
	for _, c := range candidates {
		if len(c.Reasons) == 0 {
			continue
		}
		r := Ranked{Candidate: c}
		r.Reasons = slices.Clone(c.Reasons)
		slices.SortStableFunc(r.Reasons, func(x, y Reason) int {
			return cmp.Or(cmp.Compare(y.weight(), x.weight()), cmp.Compare(y.when(), x.when()))
		})
		r.Score, r.Sure = score(r.Reasons)
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(x, y Ranked) int {
		return cmp.Or(cmp.Compare(y.Score, x.Score), cmp.Compare(y.Reasons[0].when(), x.Reasons[0].when()), cmp.Compare(x.Run, y.Run))
	})
	doubtSeveral(out)
	return out
}

func (r *Reason) weight() int {
	if r.Doubt != "" {
		return weights[r.Clue] / 2
	}
	return weights[r.Clue]
}

func (r *Reason) when() int64 {
	if r.At == nil {
		return 0
	}
	return r.At.UnixMicro()
}

// score is how much the reasons, the strongest first, count together, and how
// sure they make. A clue counts once, however often it is there.
func score(reasons []Reason) (int, Sure) {
	sum, seen := 0, map[Clue]bool{}
	for i := range reasons {
		r := &reasons[i]
		switch {
		case seen[r.Clue]:
			continue
		case i == 0:
			sum += r.weight()
		default:
			sum += r.weight() / 4
		}
		seen[r.Clue] = true
	}
	first := &reasons[0]
	sure := least(first.Clue)
	switch {
	case first.Doubt != "":
		return sum, lower(sure)
	case seen[Wrote] && undoubted(reasons, Made, Named, Rewritten), seen[Made] && undoubted(reasons, Named):
		// The trail and git tell it, each by itself.
		return sum, Certain
	default:
		return sum, sure
	}
}

// undoubted tells whether one of the clues is there and nothing speaks against it.
func undoubted(reasons []Reason, clues ...Clue) bool {
	return slices.ContainsFunc(reasons, func(r Reason) bool { return r.Doubt == "" && slices.Contains(clues, r.Clue) })
}

func lower(s Sure) Sure {
	switch s {
	case Certain:
		return Likely
	case Likely:
		return Possible
	default:
		return Weak
	}
}

// doubtSeveral makes several that are sure no more than likely: one of them it
// was, and which is not known. What the incident is about itself is not doubted.
func doubtSeveral(ranked []Ranked) {
	certain := 0
	for i := range ranked {
		if ranked[i].Sure == Certain && ranked[i].Reasons[0].Clue != Asked {
			certain++
		}
	}
	if certain < 2 {
		return
	}
	for i := range ranked {
		if ranked[i].Sure == Certain && ranked[i].Reasons[0].Clue != Asked {
			ranked[i].Sure = Likely
		}
	}
}

// Verdict is who it was, in a word.
type Verdict string

// The verdicts.
const (
	// AnAgent: the first of the suspects most probably did it.
	AnAgent Verdict = "agent"
	// NoAgent: people made what is asked about, as far as can be told.
	NoAgent Verdict = "no_agent"
	// NotKnown: nothing says who it was.
	NotKnown Verdict = "unknown"
)

// Judge is the verdict on what was ranked. byPeople tells that all commits that
// are asked about are people's.
func Judge(ranked []Ranked, byPeople bool) Verdict {
	strong := len(ranked) > 0 && ranked[0].Sure != Weak
	switch {
	case strong && !(byPeople && ranked[0].Sure == Possible):
		return AnAgent
	case byPeople:
		return NoAgent
	default:
		return NotKnown
	}
}
