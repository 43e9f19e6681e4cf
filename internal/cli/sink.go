package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/connections"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/sink"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/term"
)

func (p *Program) sinkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "sink",
		GroupID: "record",
		Short:   "Send new events elsewhere: files, HTTP, syslog, S3",
		Args:    arguments(cobra.NoArgs),
		RunE:    p.group,
	}
	c.AddCommand(p.sinkListCommand(), p.sinkRunCommand())
	return c
}

func (p *Program) sinkListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List how far each sink has come",
		Long: `Lists the sinks that have sent something for this organisation: how many events
wait, when something was sent last, and what went wrong since.`,
		Example: `  whodid sink list
  whodid sink list --json | jq '.sinks[] | select(.lag > 1000)'`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(c.Context(), p, (*ask.Asker).Sinks, p.printSinks)
		},
	}
}

func (p *Program) printSinks(list *ask.SinkList) error {
	o := p.out()
	if len(list.Sinks) == 0 {
		p.advise(o, "No sink has sent anything yet. How to set one up: docs/sinks.md")
		return nil
	}
	table := o.Table(term.Column{Title: "SINK", Whole: true}, term.Column{Title: "WAITING", Right: true, Whole: true}, term.Column{Title: "SENT", Whole: true},
		term.Column{Title: "FAILURES", Right: true, Whole: true}, term.Column{Title: "REASON"})
	for i := range list.Sinks {
		s := &list.Sinks[i]
		table.Row(term.Text(s.Sink), term.Int(int64(s.Lag)), term.Text(o.Time(s.SentAt)), term.Int(s.Failures), term.Text(s.Reason))
	}
	return table.Write()
}

func (p *Program) sinkRunCommand() *cobra.Command {
	var connected string
	var once bool
	c := &cobra.Command{
		Use:   "run",
		Short: "Send new events to the sinks of the file of connections, as the server does",
		Long: `Sends events to each sink that the file of connections names, each at least once
and in the order of the log, and goes on with new ones until it is stopped. The
server does the same by itself; this is for a trail without one. Several
processes may run it: one at a time sends for each sink.

With --once it ends when everything is sent, with status 1 if a sink fails.`,
		Example: `  whodid sink run --connections connections.toml
  whodid sink run --connections connections.toml --once`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			file, err := p.connections(connected)
			if err != nil {
				return err
			}
			if len(file.Sinks) == 0 {
				return usageError("no sink is named: --connections FILE with a [[sink]], see docs/sinks.md")
			}
			t, err := p.openToAsk(c.Context())
			if err != nil {
				return err
			}
			defer t.close()
			log := slog.New(slog.NewTextHandler(p.Stderr, nil))
			sinks, err := p.newSinks(file, t.store, log)
			if err != nil {
				return err
			}
			defer sinks.close()
			if once {
				return sinks.once(c.Context())
			}
			sinks.run(c.Context())
			return nil
		},
	}
	c.Flags().StringVar(&connected, "connections", "", "the `FILE` of sinks (WHODID_CONNECTIONS)")
	c.Flags().BoolVar(&once, "once", false, "end when everything is sent")
	return c
}

// trailSource is the trail as sinks read it, and keep their cursors in it.
type trailSource struct{ store *store.Store }

func (s trailSource) Events(ctx context.Context, org string, from uint64, limit int) ([]store.Row, error) {
	return s.store.Events(ctx, org, store.EventFilter{AfterSeq: from, Limit: limit})
}

func (s trailSource) Size(ctx context.Context, org string) (uint64, error) {
	return ask.New(s.store, org, time.Now).Size(ctx)
}

func (s trailSource) Take(ctx context.Context, org, name, holder string, start uint64, now, until time.Time) (uint64, bool, error) {
	return s.store.TakeSink(ctx, org, name, holder, start, now, until)
}

func (s trailSource) Advance(ctx context.Context, org, name, holder string, from, to uint64, now, until time.Time) (bool, error) {
	return s.store.AdvanceSink(ctx, org, name, holder, from, to, now, until)
}

func (s trailSource) Fail(ctx context.Context, org, name, holder, reason string, now time.Time) error {
	return s.store.FailSink(ctx, org, name, holder, reason, now)
}

func (s trailSource) Release(ctx context.Context, org, name, holder string) error {
	return s.store.ReleaseSink(ctx, org, name, holder)
}

// sinks are the sinks of a process.
type sinks struct{ runners []*sink.Runner }

// newSinks makes the sinks that the file names.
func (p *Program) newSinks(file *connections.File, s *store.Store, log *slog.Logger) (*sinks, error) {
	all := &sinks{}
	holder := whodid.NewID(whodid.PrefixEvent)
	source := trailSource{s}
	for i := range file.Sinks {
		k := &file.Sinks[i]
		sender, err := senderOf(k)
		if err != nil {
			all.close()
			return nil, &exitError{code: ExitUsage, err: fmt.Errorf("sink %q: %w", k.Name, err)}
		}
		all.runners = append(all.runners, &sink.Runner{
			Name: k.Name, Org: k.Org, Format: sink.Format(k.Format), Fields: sink.Fields(k.Fields), FromNow: k.From == "now",
			Sender: sender, Source: source, Cursors: source, Holder: holder, Now: time.Now, MaxBatch: k.Batch,
			Sleep: func(ctx context.Context, d time.Duration) error {
				select {
				case <-time.After(d):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			},
			Failed: func(err error) {
				log.Warn("a sink failed", "sink", k.Name, "error", err.Error())
			},
		})
	}
	return all, nil
}

// sinkTimeout is how long a request of a sink may take.
const sinkTimeout = 25 * time.Second

// senderOf makes what brings events to the place of a sink.
func senderOf(k *connections.Sink) (sink.Sender, error) {
	client := &http.Client{Timeout: sinkTimeout}
	switch k.Type {
	case "file":
		return sink.NewFile(k.Path, k.MaxBytes)
	case "http":
		return &sink.HTTP{URL: k.URL, Secret: k.Secret.Value(), Token: k.Token.Value(), Client: client, Now: time.Now, Name: k.Name}, nil
	case "syslog":
		network, address, _ := strings.Cut(k.URL, "://")
		host, err := os.Hostname()
		if err != nil {
			host = ""
		}
		return &sink.Syslog{Network: network, Address: address, Host: host, TLS: &tls.Config{MinVersion: tls.VersionTLS12}}, nil
	case "s3":
		return &sink.S3{
			Endpoint: k.URL, Region: k.Region, Bucket: k.Bucket, Prefix: k.Prefix, AccessKey: k.AccessKey.Value(), SecretKey: k.Secret.Value(),
			Client: client, Now: time.Now,
		}, nil
	default:
		return nil, fmt.Errorf("its type %q is none of file, http, syslog, s3", k.Type)
	}
}

// run sends until the context ends.
func (s *sinks) run(ctx context.Context) {
	var running sync.WaitGroup
	for _, r := range s.runners {
		running.Go(func() { r.Run(ctx) })
	}
	running.Wait()
}

// start sends until the context ends. The function that it returns waits for that.
func (s *sinks) start(ctx context.Context) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.run(ctx)
	}()
	return func() { <-done }
}

// measure shows how the sinks are doing in the metrics.
func (s *sinks) measure(m *server.Metrics) {
	m.Gauge("whodid_sinks_waiting_events", "Events that sinks of this server have not sent yet.", s.lag)
	m.Gauge("whodid_sinks_failing", "Sinks of this server that failed the last time.", s.failing)
}

// once sends what there is.
func (s *sinks) once(ctx context.Context) error {
	for _, r := range s.runners {
		for {
			n, err := r.Once(ctx)
			if err != nil {
				_ = r.Cursors.Release(ctx, r.Org, r.Name, r.Holder)
				return fmt.Errorf("sink %s: %w", r.Name, err)
			}
			if n == 0 {
				break
			}
		}
		if r.State.Lag.Load() < 0 {
			return fmt.Errorf("sink %s: another process sends for it", r.Name)
		}
		if err := r.Cursors.Release(ctx, r.Org, r.Name, r.Holder); err != nil {
			return err
		}
	}
	return nil
}

// lag is how many events all sinks together have not sent yet; of those that other
// processes send for, this one does not know.
func (s *sinks) lag() float64 {
	var n int64
	for _, r := range s.runners {
		n += max(r.State.Lag.Load(), 0)
	}
	return float64(n)
}

// failing is how many sinks failed the last time.
func (s *sinks) failing() float64 {
	n := 0
	for _, r := range s.runners {
		if r.State.Failures.Load() > 0 {
			n++
		}
	}
	return float64(n)
}

func (s *sinks) close() {
	for _, r := range s.runners {
		_ = r.Sender.Close()
	}
}
