package agent

import (
	"testing"
)

func FuzzHook(f *testing.F) {
	for _, payload := range append(hookCaptures(f), samples(f)...) {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		r := Hook(payload, surroundings())
		check(t, r.Events)
		gaps := 0
		for _, e := range r.Events {
			if e.What == "record.gap" {
				gaps++
			}
		}
		if (gaps > 0) != (r.Gap != "") {
			t.Errorf("%d gaps told, but the reading says %q", gaps, r.Gap)
		}
		if again := Hook(payload, surroundings()); len(again.Events) != len(r.Events) {
			t.Error("the same payload tells something else the second time")
		}
	})
}
