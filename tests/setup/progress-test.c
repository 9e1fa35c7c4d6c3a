/*
 * What scripts/progress shows of steps that take long, on a terminal and in a log.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <pty.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    char *dir;          /* for logs and steps */
    char *script;       /* scripts/progress */
    GPid pid;
    int in, out, err;   /* of the script; on a terminal all are one */
    GString *seen;      /* what came from out */
} Run;

/* A shell command that begins a step, says something and waits for a line. */
#define STEP                                                            \
    "script=test; step_begins 'QEMU (native)' \"$D/log\";"              \
    " echo a line of the command; read -r _; echo its end;"             \
    " step_ends 'QEMU (native)'; exit 3"

static void setup(Run *run, gconstpointer data G_GNUC_UNUSED)
{
    run->dir = g_dir_make_tmp("progress-XXXXXX", NULL);
    g_assert_nonnull(run->dir);
    run->script = g_build_filename(g_getenv("NVGRACE_TOP"), "scripts/progress", NULL);
    run->seen = g_string_new("");
    run->err = -1;
}

static void teardown(Run *run, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", run->dir);

    g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
    g_string_free(run->seen, TRUE);
    g_free(run->script);
    g_free(run->dir);
}

static void write_log(Run *run, const char *text)
{
    g_autofree char *path = g_build_filename(run->dir, "log", NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

/* Runs COMMAND, which finds common.sh's functions and $D, under the script. */
static void start(Run *run, const char *command, unsigned columns)
{
    g_autofree char *steps = g_build_filename(run->dir, "steps", NULL);
    /* common.sh takes the place of a script from $0 */
    g_autofree char *text = g_strdup_printf(". \"$(dirname \"$0\")/../env/common.sh\"; %s", command);
    const char *argv[] = { run->script, "sh", "-c", text, run->script, NULL };
    int pipes[3][2];

    if (columns) {
        struct winsize size = { .ws_row = 24, .ws_col = columns };

        run->pid = forkpty(&run->out, NULL, NULL, &size);
        run->in = run->out;
    } else {
        for (int i = 0; i < 3; i++) {
            g_assert_cmpint(pipe2(pipes[i], O_CLOEXEC), ==, 0);
        }
        run->pid = fork();
    }
    g_assert_cmpint(run->pid, >=, 0);
    if (!run->pid) {
        if (!columns) {
            dup2(pipes[0][0], 0);
            dup2(pipes[1][1], 1);
            dup2(pipes[2][1], 2);
        }
        g_setenv("NVGRACE_STEPS", steps, TRUE);
        g_setenv("NVGRACE_PROGRESS_SECONDS", "1", TRUE);
        g_setenv("TERM", "xterm", TRUE);
        g_setenv("D", run->dir, TRUE);
        g_unsetenv("NVGRACE_PROGRESS");
        execv(argv[0], (char **)argv);
        _exit(127);
    }
    if (!columns) {
        close(pipes[0][0]);
        close(pipes[1][1]);
        close(pipes[2][1]);
        run->in = pipes[0][1];
        run->out = pipes[1][0];
        run->err = pipes[2][0];
    }
}

/* Reads on until PATTERN is there, or, where it is NULL, to the end. */
static void read_until(Run *run, const char *pattern)
{
    char buffer[512];
    ssize_t got;

    while (!pattern || !g_regex_match_simple(pattern, run->seen->str, 0, 0)) {
        got = read(run->out, buffer, sizeof(buffer));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        g_string_append_len(run->seen, buffer, got);
    }
    if (pattern && !g_regex_match_simple(pattern, run->seen->str, 0, 0)) {
        g_test_message("%s", run->seen->str);
        g_error("the script ended without '%s'", pattern);
    }
}

static void release(Run *run)
{
    g_assert_cmpint(write(run->in, "\n", 1), ==, 1);
}

/* Returns the exit status. */
static int finish(Run *run)
{
    int status;

    read_until(run, NULL);
    g_assert_cmpint(waitpid(run->pid, &status, 0), ==, run->pid);
    if (run->in != run->out) {
        close(run->in);
    }
    close(run->out);
    g_assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void assert_seen(Run *run, const char *pattern, bool wanted)
{
    if (g_regex_match_simple(pattern, run->seen->str, 0, 0) != wanted) {
        g_test_message("%s", run->seen->str);
        g_error("%s '%s'", wanted ? "there is no" : "there is", pattern);
    }
}

static void test_terminal(Run *run, gconstpointer data G_GNUC_UNUSED)
{
    write_log(run, "ninja: Entering directory\n[11/345] a\n[12/345] b\n");
    start(run, STEP, 60);
    /* twice in the same place */
    read_until(run, "\r\033\\[KQEMU \\(native\\): 12 of 345 \\(\\d+ s\\)"
               "\r\033\\[KQEMU \\(native\\): 12 of 345 \\(\\d+ s\\)");
    write_log(run, "[12/345] b\n[13/345] c\n");
    read_until(run, "13 of 345");
    release(run);
    g_assert_cmpint(finish(run), ==, 3);
    /* lines of the command are whole, and nothing is left of ours */
    assert_seen(run, "(^|\n|\033\\[K)a line of the command\r\n", true);
    assert_seen(run, "\r\033\\[Kits end\r\n(\r\033\\[K)?$", true);
}

static void test_narrow(Run *run, gconstpointer data G_GNUC_UNUSED)
{
    write_log(run, "[12/345] b\n");
    start(run, STEP, 16);
    read_until(run, "\r\033\\[KQEMU \\(native\\): \r");
    release(run);
    g_assert_cmpint(finish(run), ==, 3);
}

static void test_log(Run *run, gconstpointer data G_GNUC_UNUSED)
{
    write_log(run, "[12/345] b\n");
    start(run, STEP, 0);
    read_until(run, "(^|\n)progress: QEMU \\(native\\): 12 of 345 \\(\\d+ s\\)\n"
               "progress: QEMU \\(native\\): 12 of 345 \\(\\d+ s\\)\n");
    release(run);
    g_assert_cmpint(finish(run), ==, 3);
    assert_seen(run, "(^|\n)a line of the command\n", true);
    assert_seen(run, "(^|\n)its end\n$", true);
    assert_seen(run, "[\r\033]", false);
}

static void test_errors_stay_errors(Run *run, gconstpointer data G_GNUC_UNUSED)
{
    char buffer[64] = "";

    start(run, "echo wrong >&2; exit 1", 0);
    g_assert_cmpint(finish(run), ==, 1);
    g_assert_cmpint(read(run->err, buffer, sizeof(buffer) - 1), ==, 6);
    g_assert_cmpstr(buffer, ==, "wrong\n");
    g_assert_cmpstr(run->seen->str, ==, "");
}

/* The counts of apt and of env/add-kernels in the build environment's log. */
static void test_packages(Run *run, gconstpointer data G_GNUC_UNUSED)
{
    write_log(run, "I: installing remaining packages inside the chroot...\n"
              "0 upgraded, 3 newly installed, 0 to remove and 0 not upgraded.\n"
              "Get:1 mirror a\nGet:2 mirror b\nGet:3 mirror c\n"
              "Unpacking a (1) ...\nUnpacking b (1) ...\n");
    start(run, STEP, 80);
    read_until(run, "2 of 3 packages unpacked");
    write_log(run, "I: running --customize-hook directly: env/add-kernels\n"
              "0 upgraded, 3 newly installed, 0 to remove and 0 not upgraded.\n"
              "part done: image a\nGet:1 mirror b\nUnpacking b (1) ...\n");
    read_until(run, "1 of 6 kernel packages");
    release(run);
    g_assert_cmpint(finish(run), ==, 3);
}

/* The terminal's interrupt ends the command, whose last words are shown. */
static void test_interrupt(Run *run, gconstpointer data G_GNUC_UNUSED)
{
    write_log(run, "[12/345] b\n");
    start(run, "trap 'echo interrupted; exit 130' INT; " STEP, 80);
    read_until(run, "12 of 345");
    g_assert_cmpint(write(run->in, "\003", 1), ==, 1);
    g_assert_cmpint(finish(run), ==, 130);
    assert_seen(run, "\r\033\\[K(\\^C)?interrupted\r\n", true);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, func) g_test_add("/progress/" path, Run, NULL, setup, func, teardown)
    ADD("terminal", test_terminal);
    ADD("narrow", test_narrow);
    ADD("log", test_log);
    ADD("errors", test_errors_stay_errors);
    ADD("packages", test_packages);
    ADD("interrupt", test_interrupt);
    return g_test_run();
}
