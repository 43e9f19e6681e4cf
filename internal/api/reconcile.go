package api

import (
	"net/http"
	"time"

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
	if month := c.r.URL.Query().Get("month"); month != "" {
		from, err := time.Parse("2006-01", month)
		if err != nil {
			return wrong(http.StatusBadRequest, "month must be such as 2026-10")
		}
		sel.Filter.Since, sel.Filter.Until = from, from.AddDate(0, 1, 0)
	}
	answer, err := c.tenant.Asker.Reconcile(c.ctx, &ask.ReconcileInput{
		Since: sel.Filter.Since, Until: sel.Filter.Until, NoSessions: "files of sessions are on other machines: whodid reconcile there",
	})
	if err != nil {
		return err
	}
	return c.answer(answer)
}
