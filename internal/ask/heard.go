package ask

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/whodid/whodid/internal/store"
)

// heardWindow is how many events, and how many starts of sessions, back a
// client is looked for.
const heardWindow = 2000

// Heard tells when each client's hooks were last heard of, by the client's
// name, as far as the newest events and sessions tell.
func (a *Asker) Heard(ctx context.Context) (map[string]time.Time, error) {
	heard := map[string]time.Time{}
	for _, f := range []store.EventFilter{{}, {What: "session.start"}} {
		f.Newest, f.Limit = true, heardWindow
		rows, err := a.store.Events(ctx, a.org, f)
		if errors.Is(err, store.ErrNoLog) {
			return heard, nil
		}
		if err != nil {
			return nil, err
		}
		for i := range rows {
			client, ok := strings.CutPrefix(rows[i].Source, "hook:")
			if ok && rows[i].At.After(heard[client]) {
				heard[client] = rows[i].At
			}
		}
	}
	return heard, nil
}
