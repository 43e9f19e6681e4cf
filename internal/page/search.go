package page

import (
	"strings"

	"github.com/whodid/whodid/internal/ask"
)

// searchPage is what in the trail fits.
type searchPage struct {
	Query  string
	Result *ask.SearchResult
	Hits   []hitRow
	More   string
}

// hitRow is a hit with what of it to mark, and where more of it is.
type hitRow struct {
	ask.Hit
	Pieces []piece
	Link   string
}

type piece struct {
	Text string
	Mark bool
}

func (r *request) search() (*answer, error) {
	page := &searchPage{Query: strings.TrimSpace(r.query("q"))}
	a := &answer{title: "Search", page: page}
	if page.Query == "" {
		return a, nil
	}
	f, err := r.filter()
	if err != nil {
		return nil, err
	}
	found, err := r.t.Asker.Search(r.ctx, ask.Selection{Filter: f, Squads: r.id.Squads, Limit: pageRows}, r.query("after"))
	if err != nil {
		return nil, err
	}
	page.Result = found
	for i := range found.Hits {
		h := &found.Hits[i]
		page.Hits = append(page.Hits, hitRow{Hit: *h, Pieces: pieces(h), Link: hitLink(h)})
	}
	if found.Cursor != nil {
		page.More = r.with(map[string]string{"after": *found.Cursor})
	}
	a.value, a.rows = found, found.Hits
	return a, nil
}

// hitLink is the page of what was found.
func hitLink(h *ask.Hit) string {
	switch h.Kind {
	case "execution":
		return "/executions/" + escapePath(h.ID)
	case "decision":
		return "/memory/" + escapePath(h.ID)
	case "approval":
		return "/approvals/" + escapePath(h.ID)
	case "file":
		return "/files?path=" + escapeQuery(h.ID)
	case "commit", "pr":
		return "/why?q=" + escapeQuery(h.ID)
	}
	if h.ExecutionID != "" {
		return "/executions/" + escapePath(h.ExecutionID) + "#" + escapePath(h.EventID)
	}
	return ""
}

// pieces divides a snippet at its marks.
func pieces(h *ask.Hit) []piece {
	text := []rune(h.Snippet)
	var out []piece
	at := 0
	for _, m := range h.Marks {
		if m.Start < at || m.Start+m.Length > len(text) {
			continue // marks are ascending and within
		}
		if m.Start > at {
			out = append(out, piece{Text: string(text[at:m.Start])})
		}
		out = append(out, piece{string(text[m.Start : m.Start+m.Length]), true})
		at = m.Start + m.Length
	}
	if at < len(text) {
		out = append(out, piece{Text: string(text[at:])})
	}
	return out
}
