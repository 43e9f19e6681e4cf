package claude

import (
	"bytes"
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

func FuzzTranscript(f *testing.F) {
	for _, name := range []string{"2.1.330/transcript.jsonl", "2.1.197/" + session + ".jsonl"} {
		for _, line := range lines(f, name) {
			f.Add(line)
		}
	}
	f.Add([]byte(answerLine("m1", "r1", "2026-11-23T10:00:00Z", 1, "")))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := Transcript(bytes.NewReader(text), sessionRef())
		if err != nil {
			t.Fatal(err)
		}
		checkValid(t, got.Events)
		if got.Unreadable > got.Lines {
			t.Errorf("%d of %d lines are unreadable", got.Unreadable, got.Lines)
		}
	})
}
