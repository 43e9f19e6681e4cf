package claude

import (
	"bytes"
	"testing"
)

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
