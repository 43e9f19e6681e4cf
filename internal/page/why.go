package page

import (
	"errors"
	"net/http"
	"strings"

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
	page := &whyPage{Question: strings.TrimSpace(r.query("q")), Lines: r.lines()}
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
