package api

import (
	"strings"

	"github.com/whodid/whodid/internal/ask"
)

func (c *call) cost() error {
	sel, err := c.period()
	if err != nil {
		return err
	}
	q := c.r.URL.Query()
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
