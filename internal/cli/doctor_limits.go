package cli

import (
	"context"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/denylist"
	"github.com/whodid/whodid/internal/place"
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
