package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/whodid/whodid/internal/ask"
)

func (c *call) cost() error {
	sel, err := c.period()
	if err != nil {
		return err
	}
	q := c.r.URL.Query()
	if month := q.Get("month"); month != "" {
		from, err := time.Parse("2006-01", month)
		if err != nil || q.Get("since") != "" || q.Get("until") != "" {
			return wrong(http.StatusBadRequest, "month must be such as 2026-10, and stand without since and until")
		}
		sel.Filter.Since, sel.Filter.Until = from, from.AddDate(0, 1, 0)
	}
	by := []string{"agent"}
	if q.Has("by") {
		by = strings.FieldsFunc(q.Get("by"), func(r rune) bool { return r == ',' })
	}
	answer, err := c.tenant.Asker.Cost(c.ctx, ask.CostQuestion{Filter: sel.Filter, Squads: sel.Squads, By: by})
	if err != nil {
		return err
	}
	return c.answer(answer)
}
