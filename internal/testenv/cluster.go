package testenv

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// PostgresCluster is a throwaway PostgreSQL server on the loopback interface, which tests may stop and kill. It syncs to disk as a real
// one does, because durability is what is tested; only its memory is small. A process beside it removes it when the last process that uses it
// has ended, however that ended.
type PostgresCluster struct {
	dir      string // holds everything of the cluster; its name starts with clusterPrefix
	settings clusterSettings
}

// clusterSettings is what other processes must know to use a cluster; it is kept in the cluster's directory.
type clusterSettings struct {
	Programs string `json:"programs"` // directory of initdb and pg_ctl
	Port     int    `json:"port"`
	Password string `json:"password"`
}

const (
	clusterPrefix  = "cluster-"
	settingsFile   = "cluster.json"
	postgresConfig = `
# Durable, but small: it shares the machine with the tests.
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = 64MB
max_connections = 200
max_wal_size = 512MB
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_line_prefix = '%m [%p] %d '
`
)

// NewPostgresCluster starts a cluster that belongs to one test, for tests that break it. It is removed when the test ends.
func NewPostgresCluster(t testing.TB) *PostgresCluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c, err := StartPostgresCluster(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The test's own context is over by now.
		if err := c.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// StartPostgresCluster starts a cluster for programs that are no test. The caller removes it; if the caller dies before that, the cluster
// goes with it.
func StartPostgresCluster(ctx context.Context) (*PostgresCluster, error) {
	base, err := clusterBase()
	if err != nil {
		return nil, err
	}
	return newCluster(ctx, base, 0)
}

// newCluster makes, starts and guards a cluster below base. It is removed when no process has used it for the time of grace.
func newCluster(ctx context.Context, base string, grace time.Duration) (_ *PostgresCluster, err error) {
	programs, err := postgresPrograms(ctx)
	if err != nil {
		return nil, err
	}
	c, err := reserve(base)
	if err != nil {
		return nil, err
	}
	c.settings = clusterSettings{Programs: programs, Password: rand.Text()}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Remove(context.WithoutCancel(ctx)))
		}
	}()
	if err := c.initialize(ctx); err != nil {
		return nil, err
	}
	if err := c.guard(ctx, grace); err != nil {
		return nil, err
	}
	// The free port may be taken by somebody between the asking and the start.
	for attempt := 0; ; attempt++ {
		if c.settings.Port, err = freePort(ctx); err != nil {
			return nil, err
		}
		if err = c.Start(ctx); err == nil {
			return c, c.save()
		}
		if attempt == 4 || ctx.Err() != nil {
			return nil, err
		}
	}
}

// initialize runs initdb and writes the configuration.
func (c *PostgresCluster) initialize(ctx context.Context) error {
	// The server may run as another user (initdb refuses root), who must reach its own directory through ours.
	if err := os.Chmod(c.dir, 0o711); err != nil {
		return fmt.Errorf("couldn't open cluster directory: %w", err)
	}
	if err := os.Mkdir(c.data(), 0o700); err != nil {
		return fmt.Errorf("couldn't make data directory: %w", err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, openFile), nil, 0o600); err != nil {
		return fmt.Errorf("couldn't open cluster: %w", err)
	}
	password := filepath.Join(c.dir, "password")
	if err := os.WriteFile(password, []byte(c.settings.Password), 0o600); err != nil {
		return fmt.Errorf("couldn't write password: %w", err)
	}
	for _, path := range []string{c.data(), password} {
		if err := giveToServer(path); err != nil {
			return err
		}
	}
	// Passwords go over loopback only, where one that is sent in clear spares each connection the milliseconds of SCRAM.
	if err := c.run(ctx, "initdb", "-D", c.data(), "-U", "postgres", "-E", "UTF8", "--locale=C", "-A", "password", "--pwfile="+password, "--no-sync", "--no-instructions"); err != nil {
		return err
	}
	config, err := os.OpenFile(filepath.Join(c.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("couldn't open PostgreSQL configuration: %w", err)
	}
	_, err = config.WriteString(postgresConfig)
	if err := errors.Join(err, config.Close()); err != nil {
		return fmt.Errorf("couldn't write PostgreSQL configuration: %w", err)
	}
	return nil
}

// URL gives the superuser's URL of one of the cluster's databases; "postgres" always exists. It stays the same over restarts.
func (c *PostgresCluster) URL(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword("postgres", c.settings.Password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(c.settings.Port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Start starts the server and returns when it takes connections, recovery after a Kill included.
func (c *PostgresCluster) Start(ctx context.Context) error {
	return c.run(ctx, "pg_ctl", "-D", c.data(), "-l", filepath.Join(c.data(), "server.log"), "-w", "-t", "60", "-o", "-p "+strconv.Itoa(c.settings.Port), "start")
}

// Stop ends the server in good order: it throws its clients out, writes a checkpoint and returns when it is gone.
func (c *PostgresCluster) Stop(ctx context.Context) error {
	return c.run(ctx, "pg_ctl", "-D", c.data(), "-w", "-t", "60", "-m", "fast", "stop")
}

// Remove ends the server without ceremony and deletes everything of it. It is no error to remove a cluster twice.
func (c *PostgresCluster) Remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	server, _, err := c.processes(ctx)
	if server != 0 {
		err = c.Kill(ctx)
	}
	if err := errors.Join(err, os.RemoveAll(c.dir)); err != nil {
		return fmt.Errorf("couldn't remove cluster: %w", err)
	}
	return nil
}

func (c *PostgresCluster) data() string  { return filepath.Join(c.dir, "data") }
func (c *PostgresCluster) users() string { return filepath.Join(c.dir, usersDir) }

// postmaster gives the process id that the server has noted; 0 when it never started or ended in good order.
func (c *PostgresCluster) postmaster() int {
	text, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return 0
	}
	return pid
}

// save writes the settings for other processes of the same user.
func (c *PostgresCluster) save() error {
	text, err := json.Marshal(c.settings)
	if err != nil {
		return fmt.Errorf("couldn't encode cluster settings: %w", err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, settingsFile), text, 0o600); err != nil {
		return fmt.Errorf("couldn't write cluster settings: %w", err)
	}
	return nil
}

// openCluster gives the cluster that another process has started in dir.
func openCluster(dir string) (*PostgresCluster, error) {
	text, err := os.ReadFile(filepath.Join(dir, settingsFile))
	if err != nil {
		return nil, fmt.Errorf("couldn't read cluster settings: %w", err)
	}
	c := &PostgresCluster{dir: dir}
	if err := json.Unmarshal(text, &c.settings); err != nil {
		return nil, fmt.Errorf("couldn't parse cluster settings: %w", err)
	}
	return c, nil
}

// run runs one of PostgreSQL's programs as the user who owns the cluster. Its surroundings are its own: PGDATA, PGOPTIONS and their like
// must not reach it.
func (c *PostgresCluster) run(ctx context.Context, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(c.settings.Programs, program), args...)
	cmd.Dir = c.data()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.WaitDelay = time.Second // the server that pg_ctl leaves behind must not keep us waiting for its output
	runAsServer(cmd)
	out, err := cmd.CombinedOutput()
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	log, readErr := os.ReadFile(filepath.Join(c.data(), "server.log"))
	if readErr != nil {
		log = nil // before the first start there is none
	}
	return fmt.Errorf("couldn't run %s: %w\n%s%s", program, err, tail(out), tail(log))
}

func freePort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("couldn't find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// tail gives the end of a program's output, which is where it says what went wrong.
func tail(out []byte) []byte {
	const limit = 2000
	return out[max(0, len(out)-limit):]
}
