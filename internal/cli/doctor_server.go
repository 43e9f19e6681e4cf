package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	apiclient "github.com/whodid/whodid/client"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/term"
	"github.com/whodid/whodid/internal/uplink"
)

// examineServer looks whether "whodid sync" would work: whether a server is
// named, takes the token for one that may record, and what waits to be sent. A
// server that can't be reached is no problem, for nothing is lost by it.
func (p *Program) examineServer(ctx context.Context, d *ask.Doctor, t *trail) {
	const name = "server"
	s, err := p.syncServer(&syncFlags{})
	if err != nil {
		d.Add(problem(name, "", "Which server the trail is sent to can't be told: %v.", err))
		return
	}
	if s == nil {
		return // most machines have none
	}
	if _, err := s.token(); err != nil {
		d.Add(problem(name, "whodid sync --token-file FILE", "Nothing can be sent to %s: %v.", s.url, err))
		return
	}
	c, err := apiclient.New(s.url, apiclient.Options{TokenFunc: s.token, Attempts: 1, UserAgent: "whodid/" + p.Version})
	if err != nil {
		d.Add(problem(name, "whodid sync --server URL", "Nothing can be sent to the server: %v.", err))
		return
	}
	waiting := p.waitingForServer(ctx, t, c)
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	who, err := c.WhoAmI(ctx)
	var said *apiclient.Error
	switch {
	case errors.As(err, &said) && said.Status == http.StatusUnauthorized:
		d.Add(problem(name, "whodid token create --name laptop --role recorder", "%s does not know the token, so that nothing is sent%s.", s.url, waiting))
	case err != nil:
		d.Add(warning(name, "", "%s can't be asked%s: %v.", s.url, waiting, err))
	case !auth.Role(who.Role).May(auth.Record):
		d.Add(problem(name, "whodid token create --name laptop --role recorder", "The token for %s is of the role %s, which may not record: nothing is sent%s.", s.url, who.Role, waiting))
	default:
		d.Add(fine(name, "%s takes what whodid sync sends to the organisation %s%s.", s.url, who.Org, waiting))
	}
}

// waitingForServer says how much is not sent yet.
func (p *Program) waitingForServer(ctx context.Context, t *trail, c *apiclient.Client) string {
	u, err := uplink.Open(ctx, uplink.Options{Trail: t.store, Org: p.org, Server: c, Dir: syncDir(t), Now: p.Now})
	if err != nil {
		return ""
	}
	v, err := u.Status(ctx)
	switch {
	case err != nil:
		return ""
	case len(v.Problems) > 0:
		return "; " + strings.Join(v.Problems, "; ")
	case v.Waiting == 0:
		return "; everything is sent"
	default:
		return "; " + term.Count(int64(v.Waiting), "event") + " of the trail not sent yet"
	}
}

// syncDir is where the receipts of servers lie.
func syncDir(t *trail) string { return filepath.Join(filepath.Dir(t.place.Pins), "sync") }

// sinkLag is how many events may wait for a sink before it is told.
const sinkLag = 10_000

// examineSinks looks how far events have come on their way out.
func (p *Program) examineSinks(ctx context.Context, d *ask.Doctor, t *trail) {
	list, err := t.asker.Sinks(ctx)
	if err != nil {
		d.Add(problem("sinks", "", "How far the sinks have come can't be told: %v.", err))
		return
	}
	for _, k := range list.Sinks {
		name := "sink " + k.Sink
		switch {
		case k.Failures > 0:
			d.Add(warning(name, "whodid sink list", "It failed %s since it last sent something, and %s: %s.",
				term.Count(k.Failures, "time"), eventsWait(k.Lag), k.Reason))
		case k.Lag > sinkLag:
			d.Add(warning(name, "whodid sink run", "%s for it.", eventsWait(k.Lag)))
		default:
			d.Add(fine(name, "It is fed, and %s.", eventsWait(k.Lag)))
		}
	}
}

func eventsWait(n uint64) string {
	if n == 1 {
		return "1 event waits"
	}
	return fmt.Sprintf("%d events wait", n)
}

// examineTelemetry compares what clients' telemetry says with what the trail has:
// whether a hook was there to tell of tools, and whether records are missing.
func (p *Program) examineTelemetry(ctx context.Context, d *ask.Doctor, t *trail) {
	told, err := t.asker.Telemetry(ctx, p.Now().Add(-recently))
	switch {
	case err != nil:
		d.Add(problem("telemetry", "", "What telemetry says of the trail can't be read: %v.", err))
	case told.Sessions == 0: // nobody sends any, which is no fault
	case told.Missing > 0:
		d.Add(warning("telemetry", "whodid import", "%s of telemetry did not arrive, of %s of the last seven days: %s.",
			term.Count(told.Missing, "record"), term.Count(int64(len(told.Broken)), "session"), firstOf(told.Broken)))
	case len(told.Unhooked) > 0:
		d.Add(warning("telemetry", "whodid init", "In %s of the last seven days no hook on tools was registered: %s.",
			term.Count(int64(len(told.Unhooked)), "session"), firstOf(told.Unhooked)))
	default:
		d.Add(fine("telemetry", "All numbered records of %s arrived, and a hook on tools was registered in each.", term.Count(int64(told.Sessions), "session")))
	}
}

// firstOf names the first few of many.
func firstOf(names []string) string {
	const most = 3
	if len(names) > most {
		return strings.Join(names[:most], ", ") + " …"
	}
	return strings.Join(names, ", ")
}
