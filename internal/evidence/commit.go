package evidence

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// Commit names what is tested: the commit that is checked out in the working directory, and
// whether there is more. Documents do not count, for another run may have written into them.
func Commit(ctx context.Context) (string, error) {
	hash, err := exec.CommandContext(ctx, "git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "", fmt.Errorf("which commit is tested: %w", err)
	}
	changed, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--untracked-files=no", "--", ":(top)", ":(top,exclude)docs").Output()
	if err != nil {
		return "", fmt.Errorf("what is not committed: %w", err)
	}
	commit := strings.TrimSpace(string(hash))
	if len(changed) > 0 {
		commit += ", and what was not committed"
	}
	return commit, nil
}
