package page

import (
	"strconv"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
)

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
	// Commits are those of the index that changed the file, the newest first, and
	// MoreCommits tells whether there are others.
	Commits     []fileCommit
	MoreCommits bool
	Done        []ask.Action
	More        string
	First       string
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

// fileCommit is a commit with what it did to one file.
type fileCommit struct {
	ask.Commit
	// By is whom to name for it, and Hue their colour; -1 for people.
	By             string
	Hue            int
	Run            string
	Added, Removed *int64
}

// commitsOf are the commits that changed a file, as far as histories were read into
// the trail. Who may see some squads only does not see what others committed.
func (r *request) commitsOf(page *filesPage) error {
	if page.Path == "" || len(r.id.Squads) > 0 {
		return nil
	}
	found, err := r.t.Asker.Commits(r.ctx, ask.CommitFilter{Path: page.Path, Limit: pageRows + 1})
	if err != nil {
		return err
	}
	for i := range found.Commits {
		if i == pageRows {
			page.MoreCommits = true
			break
		}
		c := fileCommit{Commit: found.Commits[i], By: found.Commits[i].Who(), Hue: -1}
		if c.Kind == "agent" || c.Kind == "assisted" {
			c.Hue = hue(c.By)
		}
		for _, run := range c.Runs {
			if c.Run == "" {
				c.Run = run.ExecutionID
			}
		}
		for _, f := range c.Files {
			if f.Path == page.Path {
				c.Added, c.Removed = f.Added, f.Removed
			}
		}
		page.Commits = append(page.Commits, c)
	}
	return nil
}

func (r *request) files() (*answer, error) {
	page := &filesPage{Path: strings.TrimSpace(r.query("path")), Lines: r.lines()}
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
	if err := r.commitsOf(page); err != nil {
		return nil, err
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
		page.Lines = false
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
