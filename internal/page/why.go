package page

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
)

// whyPage is the chain from a line, a commit or a pull request to who did it.
type whyPage struct {
	Question string
	Why      *ask.Why
	// Lines tells whether lines can be asked about: there is a repository at hand.
	Lines bool
	// Unknown is what to say of a question about nothing that is known.
	Unknown *unknown
}

// unknown is what is said of a question about nothing that is known.
type unknown struct{ Title, Detail, Next string }

func (r *request) why() (*answer, error) {
	page := &whyPage{Question: strings.TrimSpace(r.query("q")), Lines: r.pages.options.Why != nil && len(r.id.Squads) == 0}
	a := &answer{title: "Why", page: page}
	if page.Question == "" {
		return a, nil
	}
	const most = 2048
	if len(page.Question) > most {
		return nil, wrong(http.StatusBadRequest, "The question is too long.", "Ask for FILE:LINE, a commit or a pull request.")
	}
	var found *ask.Why
	var err error
	if page.Lines {
		found, err = r.pages.options.Why(r.ctx, r.t, page.Question)
	} else {
		// What the trail knows by itself: commits that were indexed, pull requests,
		// runs.
		found, err = r.t.Asker.WhyCommit(r.ctx, page.Question, r.id.Squads)
	}
	if err != nil {
		if !errors.Is(err, ask.ErrNoSubject) && !errors.Is(err, ask.ErrNotFound) && !errors.Is(err, ask.ErrNoLog) {
			return nil, err
		}
		said := r.pages.problemOf(r.r, err)
		page.Unknown = &unknown{said.title, said.detail, said.next}
		return a, nil
	}
	a.title, a.value, a.rows, page.Why = "Why "+cut(page.Question, 80), found, found.Runs, found
	return a, nil
}

// filesPage is whose the lines of a file are, and what agents did with it.
type filesPage struct {
	Path  string
	Lines bool
	// Blame is nil where there is no repository, or no file.
	Blame  *ask.Blame
	Rows   []blameRow
	Shares []blameShare
	// Wrong says why there is no blame.
	Wrong string
	Done  []ask.Action
	More  string
	First string
}

// blameRow is a stretch of lines of one commit.
type blameRow struct {
	From, To int
	Commit   *ask.BlamedCommit
	Kind     string
	Who      string
	Hue      int
	Run      string
	Lines    []ask.BlamedLine
}

// blameShare is how much of a file is whose.
type blameShare struct {
	Who, Kind string
	Hue       int
	Lines     int
	X, W      float64
}

func (r *request) files() (*answer, error) {
	page := &filesPage{Path: strings.TrimSpace(r.query("path")), Lines: r.pages.options.Blame != nil && len(r.id.Squads) == 0}
	f := whodid.Filter{Terms: []whodid.Term{{Field: whodid.FilterType, Values: []string{"file.*"}}}}
	if page.Path == "" {
		f.Terms = append(f.Terms, whodid.Term{Not: true, Field: whodid.FilterType, Values: []string{"file.read", "file.search"}})
	} else {
		f.Terms = append(f.Terms, whodid.Term{Field: whodid.FilterTarget, Values: []string{page.Path}})
	}
	before, err := readPlace(r.query("after"))
	if err != nil {
		return nil, err
	}
	done, next, err := r.t.Asker.SelectActions(r.ctx, ask.Selection{Filter: f, Squads: r.id.Squads, Limit: pageRows}, before)
	if err != nil {
		return nil, err
	}
	page.Done, page.More = done.Actions, r.onward(next)
	if before != nil {
		page.First = r.with(map[string]string{"after": ""})
	}
	a := &answer{title: "Files", page: page, value: done, rows: done.Actions}
	if page.Path == "" || !page.Lines {
		return a, nil
	}
	a.title = "File " + cut(page.Path, 80)
	const lines = 4000
	b, err := r.pages.options.Blame(r.ctx, r.t, page.Path, 1, lines)
	if err != nil {
		page.Wrong = "Whose its lines are can't be said: there is no such file in the repository at hand."
		return a, nil
	}
	a.value, a.rows, page.Blame = b, b.Lines, b
	page.blame()
	return a, nil
}

// blame puts lines of one commit together, and counts whose they are.
func (p *filesPage) blame() {
	commits := map[string]*ask.BlamedCommit{}
	for i := range p.Blame.Commits {
		commits[p.Blame.Commits[i].Commit.Commit] = &p.Blame.Commits[i]
	}
	at := map[string]int{}
	for i := range p.Blame.Lines {
		l := &p.Blame.Lines[i]
		if n := len(p.Rows); n > 0 && p.Rows[n-1].Lines[0].Commit == l.Commit && p.Rows[n-1].Who == l.Who {
			p.Rows[n-1].To, p.Rows[n-1].Lines = l.Line, append(p.Rows[n-1].Lines, *l)
		} else {
			row := blameRow{From: l.Line, To: l.Line, Commit: commits[l.Commit], Kind: l.Kind, Who: l.Who, Hue: -1, Lines: []ask.BlamedLine{*l}}
			if l.Kind == "agent" || l.Kind == "assisted" {
				row.Hue = hue(l.Who)
			}
			if row.Commit != nil && len(row.Commit.Known) > 0 {
				row.Run = row.Commit.Known[0]
			}
			p.Rows = append(p.Rows, row)
		}
		key := l.Kind + "\x00" + l.Who
		j, ok := at[key]
		if !ok {
			j = len(p.Shares)
			at[key] = j
			p.Shares = append(p.Shares, blameShare{Who: l.Who, Kind: l.Kind, Hue: p.Rows[len(p.Rows)-1].Hue})
		}
		p.Shares[j].Lines++
	}
	x := 0.0
	for i := range p.Shares {
		s := &p.Shares[i]
		s.X, s.W = x, float64(s.Lines)/float64(len(p.Blame.Lines))*laneWidth
		x += s.W
	}
}

// lineOf is the question about a line.
func lineOf(path string, line int) string { return path + ":" + strconv.Itoa(line) }
