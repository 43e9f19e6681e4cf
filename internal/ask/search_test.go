package ask_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

// about is an event with a target and a reason.
func about(what string, minute int, target, why string, data whodid.Data) whodid.Event {
	e := fact(what, fmt.Sprintf("exec-%d", minute), minute, "", data)
	e.Target, e.Why = target, why
	return e
}

func query(t testing.TB, q string) ask.Selection {
	t.Helper()
	f, err := whodid.ParseFilter(q, storetest.Epoch)
	if err != nil {
		t.Fatal(err)
	}
	return ask.Selection{Filter: f}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		approval := about("approval.request", 7, "acme/shop#44", "merge it", whodid.Data{"summary": "Rotate the token of staging", "digest": "d"})
		approval.Approval = "appr-7k2m9q4tz8w1c3ab"
		granted := about("approval.grant", 8, "acme/shop#44", "the token is due", whodid.Data{"digest": "d"})
		granted.Approval, granted.Actor = approval.Approval, "human:p1"
		storetest.NewBook(t, s, org).Append(
			t,
			about("decision.record", 1, "auth/tokens", "a leak", whodid.Data{"decided": "Rotate tokens weekly"}),
			about("execution.start", 2, "", "rotate one token", whodid.Data{"trigger": "manual"}),
			about("execution.finish", 2, "", "rotate done", nil),
			about("file.edit", 3, "auth/token_rotate.go", "", nil),
			about("file.read", 4, "auth/token_rotate.go", "", nil),
			about("file.read", 5, "auth/token.go", "rotate", nil),
			about("forge.pr.merge", 6, "acme/shop#44", "", whodid.Data{"branch": "rotate-token"}),
			approval, granted,
		)
		for q, want := range map[string]string{
			"rotate":                      "approval:appr-7k2m9q4tz8w1c3ab decision:KEY0 execution:exec-2(2) pr:acme/shop#44 file:auth/token.go file:auth/token_rotate.go(2)",
			"token rotate":                "approval:appr-7k2m9q4tz8w1c3ab decision:KEY0 execution:exec-2 pr:acme/shop#44 file:auth/token.go file:auth/token_rotate.go(2)",
			`"rotate token"`:              "decision:KEY0 pr:acme/shop#44",
			`"token of"`:                  "approval:appr-7k2m9q4tz8w1c3ab",
			`"rotate one" -done`:          "execution:exec-2",
			"token -rotate":               "approval:appr-7k2m9q4tz8w1c3ab",
			"token kind:file type:*.read": "file:auth/token.go file:auth/token_rotate.go",
			"auth/token":                  "decision:KEY0 file:auth/token.go file:auth/token_rotate.go(2)",
			"exec-2":                      "execution:exec-2",
			"weekly status:success":       "",
			"nothing":                     "",
		} {
			r, err := asker(s).Search(t.Context(), query(t, q), "")
			if err != nil {
				t.Errorf("%s: %v", q, err)
				continue
			}
			if got := said(r.Hits); got != want {
				t.Errorf("%s:\n got %s\nwant %s", q, got, want)
			}
			if !r.Complete || r.Cursor != nil {
				t.Errorf("%s: it does not end", q)
			}
		}
		r, err := asker(s).Search(t.Context(), query(t, "leak"), "")
		if err != nil || len(r.Hits) != 1 {
			t.Fatalf("%v %+v", err, r)
		}
		h := r.Hits[0]
		h.EventID, h.ID, h.Next, h.At = "", "", "", h.At.UTC()
		want := ask.Hit{
			Kind: "decision", Title: "Rotate tokens weekly", Snippet: "a leak", Marks: []ask.Mark{{Start: 2, Length: 4}}, ActionType: "decision.record", Actor: "agent:ops/backup",
			Target: "auth/tokens", ExecutionID: "exec-1", At: storetest.Epoch.Add(60e9), Count: 1, Score: 17.992,
		}
		if diff := cmp.Diff(want, h, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".seq" }, cmp.Ignore())); diff != "" {
			t.Error(diff)
		}
		for _, q := range []string{"", "since:7d", "!!", `"--"`} {
			if _, err := asker(s).Search(t.Context(), query(t, q), ""); !errors.Is(err, whodid.ErrFilter) {
				t.Errorf("%q: %v", q, err)
			}
		}
		for _, cursor := range []string{"x", "e30", "bnVsbA", "\x00", strings.Repeat("A", 1<<16)} {
			if _, err := asker(s).Search(t.Context(), query(t, "token"), cursor); !errors.Is(err, ask.ErrCursor) {
				t.Errorf("the cursor %.20q: %v", cursor, err)
			}
		}
	})
}

// said names hits in short.
func said(hits []ask.Hit) string {
	var out []string
	for _, h := range hits {
		id := h.ID
		if h.Kind == "decision" {
			id = "KEY0"
		}
		if h.Count > 1 {
			id += fmt.Sprintf("(%d)", h.Count)
		}
		out = append(out, h.Kind+":"+id)
	}
	return strings.Join(out, " ")
}

// TestSearchPages reads more than is ranked together, while the log grows: each
// hit comes once.
func TestSearchPages(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		b := storetest.NewBook(t, s, org)
		var events []whodid.Event
		for i := range 600 {
			e := about("file.read", i, fmt.Sprintf("docs/needle-%d.md", i), "", nil)
			e.Key = fmt.Sprint("read/", i)
			events = append(events, e)
			if i%200 == 0 {
				d := about("decision.record", i, "needle", "", whodid.Data{"decided": fmt.Sprint("Needle ", i)})
				events = append(events, d)
			}
		}
		b.Append(t, events...)
		seen, cursor, pages := map[string]int{}, "", 0
		sel := query(t, "needle")
		sel.Limit = 100
		for {
			r, err := asker(s).Search(t.Context(), sel, cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range r.Hits {
				seen[h.Kind+h.ID]++
			}
			if pages == 0 && (len(r.Hits) != 100 || r.Hits[0].Kind != "decision" || r.Hits[2].Kind != "decision") {
				t.Errorf("the first page begins with %+v", r.Hits[0])
			}
			late := about("file.read", 700+pages, "docs/needle-late.md", "", nil)
			b.Append(t, late)
			if pages++; r.Cursor == nil {
				break
			}
			cursor = *r.Cursor
		}
		if len(seen) != 603 || pages < 7 {
			t.Errorf("%d hits on %d pages, want 603", len(seen), pages)
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s comes %d times", id, n)
			}
		}
	})
}

// TestSearchSquads holds that who may see one squad finds nothing of another.
func TestSearchSquads(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		mine, theirs := about("file.read", 1, "docs/needle.md", "", nil), about("file.read", 2, "docs/needle-2.md", "", nil)
		theirs.Actor = "agent:eng/solver"
		storetest.NewBook(t, s, org).Append(t, mine, theirs)
		for squad, want := range map[string]string{"ops": "file:docs/needle.md", "eng": "file:docs/needle-2.md", "hr": ""} {
			sel := query(t, "needle")
			sel.Squads = []string{squad}
			r, err := asker(s).Search(t.Context(), sel, "")
			if err != nil || said(r.Hits) != want {
				t.Errorf("%s finds %s, want %s (%v)", squad, said(r.Hits), want, err)
			}
		}
	})
}

// FuzzSearch asks what nobody should: the answer is an error of the filter or
// hits that are sound, never a fault of the database.
func FuzzSearch(f *testing.F) {
	s := openSQLite(f)
	storetest.NewBook(f, s, org).Append(
		f,
		about("decision.record", 1, "auth/tokens", `it's "due"; DROP TABLE event; --`, whodid.Data{"decided": "Rotate * tokens\n\u202eevil\u200b 東京 %_\\"}),
		about("file.read", 2, `C:\docs\*.md'`, "\x1b[31mred", nil),
	)
	for _, q := range []string{
		"token", `"rotate token"`, "token* OR x", "NEAR(a b)", `"`, `""`, `-`, "a:b", "kind:*", "type:*.*", "-kind:file", "tag:x=y", "status:failed", "'; DROP TABLE event; --",
		"\x00", "\xff", "東京", "\u202e", strings.Repeat("a ", 2000), strings.Repeat("x", 1<<20), "%", "_", `\`, "target:*%*", "words:(a", "col : x", "a^2", "since:99999999d", "until:0",
		"e\u0301", "İ", "ß", "\U000e0041", "execution:", "session:\"", "agent:*/*", "kind:\"*\"",
	} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		filter, err := whodid.ParseFilter(q, storetest.Epoch)
		if err != nil {
			if !errors.Is(err, whodid.ErrFilter) {
				t.Errorf("%q: %v", q, err)
			}
			return
		}
		r, err := asker(s).Search(t.Context(), ask.Selection{Filter: filter}, "")
		if err != nil {
			if !errors.Is(err, whodid.ErrFilter) {
				t.Errorf("%q: %v", q, err)
			}
			return
		}
		for _, h := range r.Hits {
			for _, m := range h.Marks {
				if m.Start < 0 || m.Length < 1 || m.Start+m.Length > utf8.RuneCountInString(h.Snippet) {
					t.Errorf("%q: the mark %+v is not in %q", q, m, h.Snippet)
				}
			}
		}
	})
}
