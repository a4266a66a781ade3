/* The first process of every Pod: holds its namespaces, buries orphans, ends when told to. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

int main(void)
{
	sigset_t awaited;
	int got;

	sigemptyset(&awaited);
	sigaddset(&awaited, SIGCHLD);
	sigaddset(&awaited, SIGINT);
	sigaddset(&awaited, SIGTERM);
	sigprocmask(SIG_BLOCK, &awaited, NULL);
	while (sigwait(&awaited, &got) == 0 && got == SIGCHLD)
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	return EXIT_SUCCESS;
}
