package api

import (
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
