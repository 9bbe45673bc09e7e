/** Records which notices have been sent, beside the ledger, so that each is sent once. */
export interface NoticeStore {
  /**
   * Returns `true` for the first caller with this text across all processes, and `false` for all later calls.
   */
  claim(text: string): Promise<boolean>;
}
