package api

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/whodid/whodid/internal/ask"
)

func (c *call) verify() error {
	v, err := c.tenant.Asker.Verify(c.ctx, ask.VerifyOptions{})
	if err != nil {
		return err
	}
	return c.answer(v)
}

func (c *call) prove() error {
	b, err := c.tenant.Asker.Prove(c.ctx, c.r.PathValue("id"))
	if err != nil {
		return err
	}
	return c.answer(b)
}

// export sends all of a period. Nothing is sent before it is whole, so that an
// error is told as one.
func (c *call) export() error {
	if c.api.options.Export == nil {
		return wrong(http.StatusNotImplemented, "this server does not export: whodid export does, where the trail is")
	}
	if len(c.id.Squads) > 0 {
		return wrong(http.StatusForbidden, "not allowed: an export is of all squads, and this credential is for %s only", strings.Join(c.id.Squads, ", "))
	}
	archive, name, err := c.api.options.Export(c.ctx, c.tenant.Org, c.id, c.r.URL.Query())
	switch {
	case errors.Is(err, ErrBadQuery):
		return wrong(http.StatusBadRequest, "%v", err)
	case errors.Is(err, ErrBusy):
		c.w.Header().Set("Retry-After", "60")
		return wrong(http.StatusServiceUnavailable, "%v", err)
	case err != nil:
		return err
	}
	defer archive.Close()
	h := c.w.Header()
	h.Set("Content-Type", c.op.Media)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	_, err = io.Copy(c.w, archive)
	if err != nil {
		panic(http.ErrAbortHandler) // half of it must not pass for the whole
	}
	return nil
}

func (c *call) logHead() error {
	head, err := c.tenant.Asker.LogHead(c.ctx)
	if err != nil {
		return err
	}
	return c.answer(head)
}

func (c *call) checkpoint() error {
	head, err := c.tenant.Asker.LogHead(c.ctx)
	if err != nil {
		return err
	}
	return c.send(c.op.Media, "no-store", []byte(head.Checkpoint))
}

func (c *call) tile() error {
	tile, complete, err := c.tenant.Asker.LogTile(c.ctx, c.r.PathValue("path"))
	if err != nil {
		return err
	}
	cache := "private, max-age=60"
	if complete {
		cache = "private, max-age=31536000, immutable"
	}
	return c.send(c.op.Media, cache, tile)
}
