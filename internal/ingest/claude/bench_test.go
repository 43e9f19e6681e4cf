package claude

import (
	"bytes"
	"os"
	"testing"
)

func BenchmarkTranscript(b *testing.B) {
	text, err := os.ReadFile("testdata/2.1.330/transcript.jsonl")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Transcript(bytes.NewReader(text), sessionRef()); err != nil {
			b.Fatal(err)
		}
	}
}
