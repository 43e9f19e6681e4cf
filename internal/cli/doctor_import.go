package cli

import (
	"time"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/importer"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/term"
)

// importedLong is how long a client's session may lie there unread. Claude Code
// removes its transcripts after 30 days.
const importedLong = 7 * 24 * time.Hour

// examineSessions asks whether clients keep sessions that the trail will miss
// once they are removed.
func (p *Program) examineSessions(d *ask.Doctor, where place.Trail) {
	files := importer.Discover(importer.Roots(place.Home(p.Env), p.Env), func(string, error) {})
	if len(files) == 0 {
		return
	}
	state := importer.LoadState(where.Imports)
	var waiting int64
	var oldest time.Time
	for i := range files {
		if f := &files[i]; p.Now().Sub(f.ModTime) > importedLong && state.Waits(f, p.Now()) {
			if waiting++; oldest.IsZero() {
				oldest = f.ModTime
			}
		}
	}
	if waiting > 0 {
		d.Add(warning("sessions", "whodid import", "%s of sessions, the oldest of %s, never read: Claude Code removes its own after 30 days (whodid import --install-timer reads them every day).",
			term.Count(waiting, "file"), oldest.UTC().Format(time.DateOnly)))
		return
	}
	d.Add(fine("sessions", "No client keeps a session of more than a week ago that was not imported."))
}
