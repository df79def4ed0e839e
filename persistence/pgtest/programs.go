package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
)

// errMissing says what to do where there is no server.
var errMissing = errors.New("PostgreSQL's programs initdb and postgres were not found; install them " +
	"(Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server; macOS: brew install postgresql), " +
	"or set " + URLVariable + " to a server whose user may create databases, such as postgres://postgres@127.0.0.1:5432/postgres")

// programs returns the folder of initdb and postgres, those of the newest version there is.
func programs() (string, error) {
	if bin := newest(); bin != "" {
		return bin, nil
	}
	if err := install(); err != nil {
		return "", fmt.Errorf("%w (tried to: %w)", errMissing, err)
	}
	if bin := newest(); bin != "" {
		return bin, nil
	}
	return "", errMissing
}

func newest() string {
	candidates := filepath.SplitList(os.Getenv("PATH"))
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin"} {
		dirs, _ := filepath.Glob(pattern)
		candidates = append(candidates, dirs...)
	}
	best, bestVersion := "", 0
	for _, dir := range candidates {
		if v := versionIn(dir); v > bestVersion {
			best, bestVersion = dir, v
		}
	}
	return best
}

var versionLine = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// versionIn returns the version of the programs in a folder, 0 unless both are there, answer, and agree: what lies on
// the path under such a name may be a stub, or a client's package without the server.
func versionIn(dir string) int {
	version := 0
	for _, name := range []string{"postgres", "initdb"} {
		program := filepath.Join(dir, name)
		if info, err := os.Stat(program); err != nil || info.IsDir() {
			return 0
		}
		out, err := exec.Command(program, "--version").Output()
		match := versionLine.FindSubmatch(out)
		if err != nil || match == nil {
			return 0
		}
		v, err := strconv.Atoi(string(match[1]))
		if err != nil || version != 0 && v != version {
			return 0
		}
		version = v
	}
	return version
}

// install installs Debian's package, one process at a time.
func install() error {
	apt, err := exec.LookPath("apt-get")
	if err != nil || os.Getuid() != 0 {
		return errors.New("install it, for which it takes root and apt-get")
	}
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), dirPrefix+"install.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if newest() != "" { // another process was first
		return nil
	}
	if err := withoutCluster(); err != nil {
		return err
	}
	for _, args := range [][]string{{"update"}, {"install", "-y", "--no-install-recommends", "postgresql"}} {
		cmd := exec.Command(apt, args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w\n%s", args[0], err, out)
		}
	}
	return nil
}

// withoutCluster tells Debian's package not to make and start a cluster of its own.
func withoutCluster() error {
	const file = "/etc/postgresql-common/createcluster.d/narrative-pgtest.conf"
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte("create_main_cluster = false\n"), 0o644)
}

// account is who runs the server: PostgreSQL refuses root. nil is ourselves.
func account() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody to run it")
}
