/* A ring and an all-reduce. Arguments: "abort": rank 1 aborts all; "hang": waits.
 *
 * With NO_FINALIZE it ends by an abort with status 0: Debian 12's MPICH (4.0.2, UCX 1.13)
 * hangs in MPI_Finalize in every second run over TCP, on one host as on many.
 */
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int rank, size, token = 0, sum = 0;
    char host[256];

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    gethostname(host, sizeof host);
    if (argc > 1) {
        printf("%s rank %d on %s\n", argv[1], rank, host);
        fflush(stdout);
        MPI_Barrier(MPI_COMM_WORLD);
        if (rank == 1 && strcmp(argv[1], "abort") == 0)
            MPI_Abort(MPI_COMM_WORLD, 3);
        sleep(1000);
    }
    /* Every rank adds one to what comes from the rank before it. */
    if (rank > 0)
        MPI_Recv(&token, 1, MPI_INT, rank - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    token++;
    MPI_Send(&token, 1, MPI_INT, (rank + 1) % size, 0, MPI_COMM_WORLD);
    if (rank == 0)
        MPI_Recv(&token, 1, MPI_INT, size - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    printf("rank %d of %d on %s sum %d\n", rank, size, host, sum);
    if (rank == 0)
        printf("ring %d\n", token);
    fflush(stdout);
#ifdef NO_FINALIZE
    MPI_Barrier(MPI_COMM_WORLD);
    usleep(300000);
    MPI_Abort(MPI_COMM_WORLD, 0);
#endif
    MPI_Finalize();
    return 0;
}
