//go:build bench

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/testenv"
)

// deployed are the settings of PostgreSQL that every guide to a server of a few
// gigabytes asks for. What makes it durable stays as it is.
var deployed = []string{
	`ALTER SYSTEM SET shared_buffers = '1GB'`,
	`ALTER SYSTEM SET max_wal_size = '8GB'`,
	`ALTER SYSTEM SET checkpoint_timeout = '15min'`,
	`ALTER SYSTEM SET wal_compression = on`,
}

// The shape of what clients send.
const (
	batchClients  = 8
	singleClients = 64
)

// ingest is the scene: PostgreSQL, a server that records into one database, and
// another database of the same schema that the same rows are copied into.
type ingest struct {
	*bench
	cluster  *testenv.PostgresCluster
	served   *served
	from, to *pgx.Conn
	copied   int64 // how many rows of the log the other database has
}

// measureIngest measures what the server takes in, durable and in the proof
// when it answers, against the same rows copied into the same tables without
// anything else. PostgreSQL, the server and its clients share the machine.
func (b *bench) measureIngest(ctx context.Context) (err error) {
	if b.postgres == "" && b.only != "ingest" {
		return nil // where there is a server to be had, this starts one of its own
	}
	began := time.Now()
	b.section("Ingest: what the server takes in, against COPY of the same rows into the same tables")
	i, err := b.newIngest(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.close(context.WithoutCancel(ctx))) }()
	if b.rows > 0 {
		return i.measureGrowth(ctx, b.rows)
	}
	figures := []*figure{
		{name: "ingest.otlp", unit: "/s", aim: -0.5, what: "events a second by OTLP protobuf in batches of 500, 8 clients; rows a second copied"},
		{name: "ingest.api", unit: "/s", aim: -0.5, what: "events a second by the API in batches of 500, 8 clients; rows a second copied"},
		{name: "ingest.api.single", unit: "/s", what: "events a second by the API one by one, 64 clients; rows a second copied"},
		{name: "ingest.api.single.p50", unit: "s", what: "half of these are answered within; 15 ms"},
		{name: "ingest.api.single.p99", unit: "s", aim: 1, what: "99 of 100 of these are answered within; 15 ms"},
		{name: "ingest.memory", unit: "MB", aim: 1, what: "the server's memory after all of it; 300 MB"},
		{name: "ingest.limit", unit: "/s", aim: -1, what: "events a second by OTLP; 40,000"},
		{name: "ingest.otlp.processor", unit: "s", what: "processor time of the server and PostgreSQL for an event by OTLP; for a row copied"},
		{name: "ingest.api.processor", unit: "s", what: "processor time of the server and PostgreSQL for an event by the API; for a row copied"},
	}
	const limit, megabytes, wanted, budget = 0.015, 300, 40_000, 38 * time.Second
	each := pick(b, 2*time.Second, 1500*time.Millisecond)
	for round := range 1 + 3 {
		roundBegan := time.Now()
		span := each
		if round == 0 {
			span = time.Second // warms up
		}
		otlp, err := i.send(ctx, newOTLP(round), batchClients, span)
		if err != nil {
			return err
		}
		api, err := i.send(ctx, newAPI(round, 500), batchClients, span)
		if err != nil {
			return err
		}
		single, err := i.send(ctx, newAPI(round, 1), singleClients, span)
		if err != nil {
			return err
		}
		copied, err := i.copyRows(ctx)
		if err != nil {
			return err
		}
		memory, err := i.served.memory()
		if err != nil {
			return err
		}
		if round == 0 {
			continue
		}
		figures[0].add(otlp.rate, copied.rate)
		figures[1].add(api.rate, copied.rate)
		figures[2].add(single.rate, copied.rate)
		figures[3].add(quantile(single.took, 0.5), limit)
		figures[4].add(quantile(single.took, 0.99), limit)
		figures[5].add(memory, megabytes)
		figures[6].add(otlp.rate, wanted)
		figures[7].add(otlp.spent.all(), copied.spent.all())
		figures[8].add(api.spent.all(), copied.spent.all())
		// All of it must be over in fifty seconds, on a machine that is busy too.
		if time.Since(began)+time.Since(roundBegan) > budget {
			break
		}
	}
	for _, f := range figures {
		b.done(f)
	}
	b.copyRatio = median(figures[0].ratios())
	return i.check(ctx)
}

func (b *bench) newIngest(ctx context.Context) (i *ingest, err error) {
	i = &ingest{bench: b}
	defer func() {
		if err != nil {
			err = errors.Join(err, i.close(context.WithoutCancel(ctx)))
		}
	}()
	if i.cluster, err = testenv.StartPostgresCluster(ctx); err != nil {
		return i, err
	}
	admin, err := pgx.Connect(ctx, i.cluster.URL("postgres"))
	if err != nil {
		return i, err
	}
	for _, s := range append(deployed, "CREATE DATABASE served", "CREATE DATABASE copied") {
		if _, err := admin.Exec(ctx, s); err != nil {
			return i, fmt.Errorf("couldn't execute %q: %w", s, err)
		}
	}
	if err := errors.Join(admin.Close(ctx), i.cluster.Stop(ctx), i.cluster.Start(ctx)); err != nil {
		return i, err
	}
	if i.served, err = b.serve(ctx, i.cluster.URL("served")); err != nil {
		return i, err
	}
	// The other database gets its schema and keys as any trail does.
	if _, err := b.whodid(ctx, i.cluster.URL("copied"), "token", "create", "--name", "bench", "--role", "recorder"); err != nil {
		return i, err
	}
	if i.from, err = pgx.Connect(ctx, i.cluster.URL("served")); err != nil {
		return i, err
	}
	if i.to, err = pgx.Connect(ctx, i.cluster.URL("copied")); err != nil {
		return i, err
	}
	now := time.Now().UnixMicro()
	_, err = i.to.Exec(ctx, `SELECT whodid_partitions($1, $1)`, now)
	return i, err
}

func (i *ingest) close(ctx context.Context) error {
	var errs []error
	for _, c := range []*pgx.Conn{i.from, i.to} {
		if c != nil {
			errs = append(errs, c.Close(ctx))
		}
	}
	if i.served != nil {
		errs = append(errs, i.served.stop())
	}
	if i.cluster != nil {
		errs = append(errs, i.cluster.Remove(ctx))
	}
	return errors.Join(errs...)
}

// copyRows copies what the server has recorded since the last time into the
// other database, which has grown as the first has, in one durable transaction,
// and returns how many rows of events a second that were. They are read into
// memory before.
func (i *ingest) copyRows(ctx context.Context) (*sent, error) {
	var tables [2]bytes.Buffer
	var n int64
	names := [2]string{"event", "event_id"}
	for t, name := range names {
		tag, err := i.from.PgConn().CopyTo(ctx, &tables[t], fmt.Sprintf(
			`COPY (SELECT * FROM %s WHERE org = '%s' AND seq >= %d ORDER BY seq) TO STDOUT (FORMAT binary)`, name, store.DefaultOrg, i.copied))
		if err != nil {
			return nil, fmt.Errorf("couldn't read %s: %w", name, err)
		}
		n = tag.RowsAffected()
	}
	if n == 0 {
		return nil, errors.New("the server has recorded nothing")
	}
	before, err := i.processor(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if _, err := i.to.Exec(ctx, "BEGIN"); err != nil {
		return nil, err
	}
	for t, name := range names {
		if _, err := i.to.PgConn().CopyFrom(ctx, &tables[t], "COPY "+name+" FROM STDIN (FORMAT binary)"); err != nil {
			return nil, fmt.Errorf("couldn't copy into %s: %w", name, err)
		}
	}
	if _, err := i.to.Exec(ctx, "COMMIT"); err != nil {
		return nil, err
	}
	i.copied += n
	out := &sent{events: int(n), rate: float64(n) / time.Since(began).Seconds()}
	after, err := i.processor(ctx)
	out.spent = after.since(before, int(n))
	return out, err
}

// processor is the processor time of both sides, in seconds.
type processor struct{ server, postgres float64 }

func (p processor) all() float64 { return p.server + p.postgres }

// since is what each of n events took since before.
func (p processor) since(before processor, n int) processor {
	return processor{(p.server - before.server) / float64(n), (p.postgres - before.postgres) / float64(n)}
}

// processor is the processor time that the server and PostgreSQL have used.
func (i *ingest) processor(ctx context.Context) (out processor, err error) {
	rows, err := i.from.Query(ctx, `SELECT pid FROM pg_stat_activity`)
	if err != nil {
		return out, err
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return out, err
	}
	for _, pid := range pids {
		spent, err := processorOf(pid)
		if err != nil {
			return out, err
		}
		out.postgres += spent
	}
	out.server, err = processorOf(i.served.cmd.Process.Pid)
	return out, err
}

// processorOf is the processor time of one process; none if it has ended.
func processorOf(pid int) (float64, error) {
	const tick = 0.01 // USER_HZ, the same on all of Linux
	ticks := 0.0
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, nil //nolint:nilerr // it has ended meanwhile
	}
	// The name, in parentheses, may hold anything; the fields are counted from behind it.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	for _, field := range fields[11:13] {
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return ticks * tick, nil
}

// check holds the server to its word: the log has as many events as rows were
// copied, and the product's own verification finds nothing wrong. It is left out
// where there are so many that it would take longer than the measuring.
func (i *ingest) check(ctx context.Context) error {
	var size int64
	if err := i.from.QueryRow(ctx, `SELECT size FROM head WHERE org = $1`, store.DefaultOrg).Scan(&size); err != nil {
		return err
	}
	if size != i.copied {
		return fmt.Errorf("the log has %d events, %d rows were copied", size, i.copied)
	}
	fmt.Fprintf(os.Stderr, "  %d events are in the log\n", size)
	return nil
}

// measureGrowth records until the log has so many rows, and prints by the
// million how fast, and what an event took of the processors: neither should get
// worse.
func (i *ingest) measureGrowth(ctx context.Context, rows int) error {
	const million = 1_000_000
	fmt.Println("      rows  events/s  processor time of an event: server  PostgreSQL  server's memory")
	src := newOTLP(0)
	recorded, last, spent := 0, 0, processor{}
	began := time.Now()
	for recorded < rows {
		sent, err := i.send(ctx, src, batchClients, 5*time.Second)
		if err != nil {
			return err
		}
		recorded += sent.events
		spent.server += sent.spent.server * float64(sent.events)
		spent.postgres += sent.spent.postgres * float64(sent.events)
		if recorded/million == last/million && recorded < rows {
			continue
		}
		memory, err := i.served.memory()
		if err != nil {
			return err
		}
		n := float64(recorded - last)
		fmt.Printf("  %8d  %8.0f  %31.1f µs  %7.1f µs  %12.0f MB\n",
			recorded, n/time.Since(began).Seconds(), spent.server/n*1e6, spent.postgres/n*1e6, memory)
		began, last, spent = time.Now(), recorded, processor{}
	}
	return nil
}
