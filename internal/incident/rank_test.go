package incident

import (
	"testing"
	"time"
)

// clue is a reason at so many minutes.
func clue(c Clue, minute int, doubt string) Reason {
	at := time.Date(2026, 11, 27, 8, minute, 0, 0, time.UTC)
	return Reason{Clue: c, Detail: string(c), At: &at, Doubt: doubt}
}

func run(id string, reasons ...Reason) Candidate { return Candidate{Run: id, Reasons: reasons} }

// TestRankFindsTheCulprit plants a culprit among others, in the shapes in which
// work reaches production.
func TestRankFindsTheCulprit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		candidates []Candidate
		byPeople   bool
		verdict    Verdict
		first      string
		sure       Sure
	}{
		"the author, whose write was seen": {
			[]Candidate{run("merger", clue(Released, 30, "")), run("before", clue(Before, 1, "")), run("culprit", clue(Named, 10, ""), clue(Wrote, 5, ""))},
			false, AnAgent, "culprit", Certain,
		},
		"named by the commit alone": {
			[]Candidate{run("then", clue(Then, 9, "")), run("culprit", clue(Named, 10, ""))}, false, AnAgent, "culprit", Likely,
		},
		"squashed: two are named, one wrote the file": {
			[]Candidate{run("other", clue(Named, 10, "")), run("culprit", clue(Named, 10, ""), clue(Wrote, 3, ""))}, false, AnAgent, "culprit", Certain,
		},
		"squashed: both wrote the file, the last one first, and neither is sure": {
			[]Candidate{run("first", clue(Named, 10, ""), clue(Wrote, 3, "")), run("culprit", clue(Named, 10, ""), clue(Wrote, 7, ""))}, false, AnAgent, "culprit", Likely,
		},
		"who made the commit before the one that is only named and did not write": {
			[]Candidate{run("named", clue(Named, 10, "")), run("culprit", clue(Made, 10, ""))}, false, AnAgent, "culprit", Likely,
		},
		"forged trailers: the trail does not hold the run": {
			[]Candidate{run("forged", clue(Named, 10, "the trail does not hold that run")), run("culprit", clue(Wrote, 5, ""))}, false, AnAgent, "culprit", Likely,
		},
		"forged trailers and nothing else": {
			[]Candidate{run("forged", clue(Named, 10, "the trail does not hold that run"))}, false, AnAgent, "forged", Possible,
		},
		"rebased: the run of the commit before": {
			[]Candidate{run("then", clue(Then, 1, "")), run("culprit", clue(Rewritten, 10, ""))}, false, AnAgent, "culprit", Likely,
		},
		"a deploy in the time, not the run that only was at work": {
			[]Candidate{run("then", clue(Then, 12, "")), run("culprit", clue(Deployed, 10, ""), clue(Then, 9, "")), run("author", clue(Shipped, 10, ""))},
			false, AnAgent, "culprit", Likely,
		},
		"a deploy of an older commit: not its author": {
			[]Candidate{run("author", clue(Shipped, 10, "the commit is older than what was deployed before"), clue(Then, 1, "")), run("culprit", clue(Deployed, 10, ""))},
			false, AnAgent, "culprit", Likely,
		},
		"a deploy that failed, and a change of settings that did not": {
			[]Candidate{run("failed", clue(Deployed, 10, "its result is failed")), run("culprit", clue(Changed, 9, ""))}, false, AnAgent, "culprit", Possible,
		},
		"the run that is asked about, whatever else": {
			[]Candidate{run("other", clue(Named, 1, ""), clue(Wrote, 1, ""), clue(Made, 1, "")), run("culprit", clue(Asked, 0, ""))}, false, AnAgent, "culprit", Certain,
		},
		"a person's commit that an agent deployed": {
			[]Candidate{run("deployer", clue(Released, 10, "")), run("then", clue(Then, 1, ""))}, true, NoAgent, "deployer", Possible,
		},
		"a person's commit, of a file that an agent was seen to write": {
			[]Candidate{run("culprit", clue(Wrote, 10, ""))}, true, AnAgent, "culprit", Likely,
		},
		"only coincidences":               {[]Candidate{run("then", clue(Then, 1, "")), run("before", clue(Before, 1, ""))}, false, NotKnown, "before", Weak},
		"a person, and only coincidences": {[]Candidate{run("then", clue(Then, 1, ""))}, true, NoAgent, "then", Weak},
		"nobody":                          {[]Candidate{run("none")}, false, NotKnown, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ranked := Rank(c.candidates)
			first, sure := "", Sure("")
			if len(ranked) > 0 {
				first, sure = ranked[0].Run, ranked[0].Sure
			}
			if first != c.first || sure != c.sure {
				t.Errorf("the first is %s (%s), want %s (%s): %+v", first, sure, c.first, c.sure, ranked)
			}
			if got := Judge(ranked, c.byPeople); got != c.verdict {
				t.Errorf("the verdict is %s, want %s", got, c.verdict)
			}
		})
	}
}

// TestRankIsOneOrder sees to it that neither the order in which runs are found nor
// telling a clue twice changes anything.
func TestRankIsOneOrder(t *testing.T) {
	t.Parallel()
	a, b := run("a", clue(Named, 1, "")), run("b", clue(Named, 1, ""))
	twice := run("a", clue(Named, 1, ""), clue(Named, 1, ""))
	one, other := Rank([]Candidate{a, b}), Rank([]Candidate{b, twice})
	if one[0].Run != "a" || other[0].Run != "a" || one[0].Score != other[0].Score {
		t.Errorf("%+v and %+v", one, other)
	}
	for c := range weights {
		if _, ok := weights[c]; !ok || least(c) == "" {
			t.Errorf("%s has no weight", c)
		}
	}
}

// FuzzRank sees to it that a doubt never makes a run more suspect, nor a further
// clue less.
func FuzzRank(f *testing.F) {
	f.Add(uint8(1), uint8(4), true)
	all := []Clue{Asked, Wrote, Made, Deployed, Named, Changed, Rewritten, Shipped, Released, Opened, Before, Then}
	f.Fuzz(func(t *testing.T, x, y uint8, doubted bool) {
		first, second := all[int(x)%len(all)], all[int(y)%len(all)]
		doubt := ""
		if doubted {
			doubt = "it may not be so"
		}
		plain := Rank([]Candidate{run("a", clue(first, 1, ""))})[0]
		both := Rank([]Candidate{run("a", clue(first, 1, ""), clue(second, 1, doubt))})[0]
		less := Rank([]Candidate{run("a", clue(first, 1, doubt))})[0]
		if both.Score < plain.Score || less.Score > plain.Score {
			t.Errorf("%s alone is %d, with %s %d, doubted %d", first, plain.Score, second, both.Score, less.Score)
		}
	})
}
