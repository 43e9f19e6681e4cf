package api

import (
	"net/http"

	"github.com/whodid/whodid/internal/ask"
)

// reconcile compares what the server holds: the log, the index of commits, what
// forges and telemetry told. Files and bills are on other machines.
func (c *call) reconcile() error {
	if len(c.id.Squads) > 0 {
		return wrong(http.StatusForbidden, "not allowed: coverage is of the whole trail, and you may see some squads only")
	}
	sel, err := c.period()
	if err != nil {
		return err
	}
	if len(sel.Filter.Terms) > 0 {
		return wrong(http.StatusBadRequest, "coverage is of the whole trail: q may only say since and until")
	}
	answer, err := c.tenant.Asker.Reconcile(c.ctx, &ask.ReconcileInput{
		Since: sel.Filter.Since, Until: sel.Filter.Until, NoSessions: "files of sessions are on other machines: whodid reconcile there",
	})
	if err != nil {
		return err
	}
	return c.answer(answer)
}
