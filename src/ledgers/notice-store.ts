/** What people were told once and shall not be told again, kept beside the ledger. */
export interface NoticeStore {
  /** `true` for the first who asks for this text, in whatever process; for all others, later too, `false`. */
  claim(text: string): Promise<boolean>;
}
