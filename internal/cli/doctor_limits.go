package cli

import (
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
