package cli

import (
	"context"
	"time"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/denylist"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/term"
)

// examineRedaction tells of settings that keep nothing out because they can't be
// read. Where there are none there is nothing to tell.
func (p *Program) examineRedaction(d *ask.Doctor) {
	file := place.ConfigFile(p.Env)
	if _, err := denylist.Read(file); err != nil {
		d.Add(problem("redaction", "mend "+file, "What must not be recorded can't be told, so that hooks record gaps: %v.", err))
	}
}

// examineReview says whether somebody has to look at what agents did. While
// nothing is recorded there is nothing to look at.
func (p *Program) examineReview(ctx context.Context, t *trail) (ask.Check, bool) {
	s, err := t.asker.ReviewState(ctx, p.rules(p.org).ReviewEvery)
	switch {
	case err != nil:
		return problem("review", "whodid verify", "It can't be read when somebody reviewed what agents did: %v.", err), true
	case s.Overdue:
		return warning("review", "whodid review", "%s", signedLine(s)), true
	default:
		return fine("review", "%s", signedLine(s)), s.DueAt != nil
	}
}

// examineRequests says whether people wait for an answer about their data. While
// nobody asked there is nothing to say.
func examineRequests(ctx context.Context, t *trail) (ask.Check, bool) {
	list, err := t.asker.PrivacyRequests(ctx)
	if err != nil {
		return problem("privacy", "whodid verify", "It can't be read who waits for an answer about their data: %v.", err), true
	}
	open := list.Open()
	if len(open) == 0 {
		return ask.Check{}, false
	}
	if first := &open[0]; first.Overdue {
		return warning("privacy", "whodid privacy requests", "A request about personal data is overdue since %s.", first.DueAt.Format(time.DateOnly)), true
	}
	return fine("privacy", "%s about personal data to answer; the first is due on %s.", term.Count(int64(len(open)), "request"), open[0].DueAt.Format(time.DateOnly)), true
}
