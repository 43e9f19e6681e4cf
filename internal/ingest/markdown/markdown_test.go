package markdown_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/markdown"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		markdown string
		want     []markdown.Entry
	}{
		"a record in Nygard's form": {
			"# 7. Keep text as UTF-8\n\nDate: 2026-10-01\n\n## Status\n\nAccepted\n\n## Context\n\nLatin-1 broke *names*.\n\n## Decision\n\nWe use UTF-8\neverywhere.\n\n```\ncode\n```\n\n## Consequences\n\nNo mojibake.\n",
			[]markdown.Entry{{Origin: markdown.ADR, Subject: "Keep text as UTF-8", Decision: "We use UTF-8 everywhere.", Why: "Latin-1 broke names.", Expected: "No mojibake.", Status: "accepted"}},
		},
		"a record of MADR": {
			"---\nstatus: superseded by ADR-0123\ndate: 2026-01-01\n---\n# Use PostgreSQL\n\n## Context and Problem Statement\n\nOne file is not enough.\n\n## Considered Options\n\n* PostgreSQL\n* MySQL\n* a [queue](http://x)\n\n## Decision Outcome\n\nChosen option: \"PostgreSQL\", because it is there.\n",
			[]markdown.Entry{{Origin: markdown.ADR, Subject: "Use PostgreSQL", Decision: `Chosen option: "PostgreSQL", because it is there.`, Why: "One file is not enough.", Alternatives: []string{"MySQL", "a queue"}, Status: "superseded"}},
		},
		"notes": {
			"# CLAUDE.md\n\nAbout this.\n\n## Testing\n\n- Run `make test` before a commit, because CI is slow\n- Never mock\n  the database\n\n### Fuzzing\n\nFive seconds are enough.\n\n> a quotation\n",
			[]markdown.Entry{
				{Origin: markdown.Notes, Subject: "CLAUDE.md", Decision: "About this."},
				{Origin: markdown.Notes, Subject: "Testing", Decision: "Run make test before a commit", Why: "CI is slow"},
				{Origin: markdown.Notes, Subject: "Testing", Decision: "Never mock the database"},
				{Origin: markdown.Notes, Subject: "Testing/Fuzzing", Decision: "Five seconds are enough."},
			},
		},
		"windows' ends of lines": {
			"---\r\nstatus: proposed\r\n---\r\n# A\r\n\r\n## Decision\r\n\r\nB\r\n",
			[]markdown.Entry{{Origin: markdown.ADR, Subject: "A", Decision: "B", Status: "proposed"}},
		},
		"a decision without words is none":    {"# A\n\n## Decision\n", nil},
		"no text":                             {"", nil},
		"only code":                           {"```sh\nmake\n```\n", nil},
		"bytes that are no text":              {"\xff\xfe", nil},
		"a front matter that never ends":      {"---\nstatus: accepted\n", []markdown.Entry{{Origin: markdown.Notes, Decision: "status: accepted"}}},
		"a list before the first heading":     {"- one\n- two\n", []markdown.Entry{{Origin: markdown.Notes, Decision: "one"}, {Origin: markdown.Notes, Decision: "two"}}},
		"HTML says nothing":                   {"## A\n\n<script>alert(1)</script>\n\n- <b>bold</b> text\n", []markdown.Entry{{Origin: markdown.Notes, Subject: "A", Decision: "bold text"}}},
		"nested items are a part of theirs":   {"## A\n\n- one\n  - two\n", []markdown.Entry{{Origin: markdown.Notes, Subject: "A", Decision: "one two"}}},
		"because alone is no reason":          {"## A\n\n- because of this\n", []markdown.Entry{{Origin: markdown.Notes, Subject: "A", Decision: "because of this"}}},
		"a status below the title":            {"# 12 - Title\n\nStatus: Deprecated\n\n## Decision\n\nX\n", []markdown.Entry{{Origin: markdown.ADR, Subject: "Title", Decision: "X", Status: "deprecated"}}},
		"a level that was skipped is no harm": {"#### deep\n\ntext\n", []markdown.Entry{{Origin: markdown.Notes, Subject: "deep", Decision: "text"}}},
	} {
		if diff := cmp.Diff(test.want, markdown.Parse([]byte(test.markdown))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestParseCutsWhatIsLong(t *testing.T) {
	t.Parallel()
	entries := markdown.Parse([]byte("# T\n\n## Decision\n\n" + strings.Repeat("ä", 5000) + "\n\n## Context\n\n" + strings.Repeat("b ", 5000)))
	if len(entries) != 1 || !entries[0].Cut || len(entries[0].Decision) > whodid.MaxDataString || len(entries[0].Why) > whodid.MaxWhy {
		t.Fatalf("%d entries", len(entries))
	}
	if !utf8.ValidString(entries[0].Decision) || !strings.HasSuffix(entries[0].Decision, "ä…") {
		t.Errorf("it ends with %q", entries[0].Decision[len(entries[0].Decision)-8:])
	}
}

func FuzzParse(f *testing.F) {
	f.Add("# A\n\n## Decision\n\nB\n")
	f.Add("---\nstatus: x\n---\n- a because b\n")
	f.Fuzz(func(t *testing.T, s string) {
		for _, e := range markdown.Parse([]byte(s)) {
			if e.Decision == "" || len(e.Decision) > whodid.MaxDataString || len(e.Why) > whodid.MaxWhy || len(e.Subject) > whodid.MaxTarget {
				t.Errorf("%+v does not fit", e)
			}
			if !utf8.ValidString(e.Decision + e.Why + e.Subject) {
				t.Errorf("%+v is no text", e)
			}
		}
	})
}
